namespace Byre.Block.Requests;

/// <summary>What a write, zero or discard request asks for besides its bytes.</summary>
[Flags]
public enum RequestFlags
{
    None = 0,

    /// <summary>
    /// The data is stable on the device when the request completes (FUA). Emulated by a flush where a node cannot.
    /// </summary>
    ForceUnitAccess = 1,

    /// <summary>Zeroing may give the space back, if it then still reads as zeroes.</summary>
    MayUnmap = 2,

    /// <summary>Zeroing fails with ENOTSUP rather than writing buffers of zeroes.</summary>
    NoFallback = 4,

    /// <summary>Store the data compressed; the node falls back to a plain write where that gains nothing.</summary>
    Compressed = 8,

    /// <summary>The request may extend the node (the vm state area, a file's end).</summary>
    MayExtend = 16,

    /// <summary>A copy-on-read fill: writes only where the range is still unallocated.</summary>
    CopyOnRead = 32,
}
