namespace Byre.Block.Graph;

/// <summary>
/// What a user of a node does with it, or lets others do at the same time. The bit numbers are those of the lock
/// bytes that programs sharing an image file see (see <c>docs/storage.md</c>).
/// </summary>
[Flags]
public enum NodePermissions
{
    None = 0,

    /// <summary>Reads that see the content as of some consistent moment.</summary>
    ConsistentRead = 1,

    /// <summary>Writes that change the content.</summary>
    Write = 2,

    /// <summary>Writes that leave the content as it reads (copy-on-read, stream).</summary>
    WriteUnchanged = 4,

    /// <summary>Changes of the length.</summary>
    Resize = 8,

    All = ConsistentRead | Write | WriteUnchanged | Resize,
}
