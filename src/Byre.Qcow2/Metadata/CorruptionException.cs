using Byre.Block.Errors;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// A request met metadata that contradicts itself. Thrown inside a transaction; the node turns it into a corruption
/// event (the corrupt bit, the message on the diagnostic output) and fails the request with EIO.
/// </summary>
internal sealed class CorruptionException(string message, bool isFatal, string prefix = "", Exception? inner = null)
    : BlockException(BlockErrorKind.CorruptImage, Block.Errors.Errno.InputOutput, message, inner)
{
    /// <summary>Fatal: continuing to write could destroy data; the image is marked corrupt.</summary>
    public bool IsFatal { get; } = isFatal;

    /// <summary>What was being done: begins the text of the request's failure, but not that of the event.</summary>
    public string Prefix { get; } = prefix;

    /// <inheritdoc/>
    public override BlockException Prepend(string prefix) =>
        new CorruptionException(Message, IsFatal, prefix + Prefix, this);
}
