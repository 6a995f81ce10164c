namespace Byre.Qcow2.Metadata;

/// <summary>
/// The lock over everything in this folder. Transactions run to completion under it: no await, no I/O. Its scope is
/// passed as proof: a method that takes a <see cref="MetadataScope"/> cannot be called without the lock.
/// </summary>
internal sealed class MetadataLock
{
    private readonly Lock _lock = new();

    /// <summary>Enters; dispose the scope to leave.</summary>
    public MetadataScope Enter() => new(_lock.EnterScope());
}
