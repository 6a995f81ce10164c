namespace Byre.Qcow2.Check;

/// <summary>
/// An open image that can be checked in place.
/// <para>Threading: one check at a time, with no other request in flight. After a repair the image reads its tables
/// again.</para>
/// </summary>
public interface ICheckableImage
{
    /// <summary>Flushes, then checks the image and repairs what <see cref="CheckOptions.Repair"/> allows.</summary>
    /// <exception cref="Byre.Block.Errors.BlockException">The check could not be completed; findings so far have been
    /// reported.</exception>
    ValueTask<CheckReport> CheckAsync(CheckOptions options, CancellationToken cancellation = default);
}
