namespace Byre.Nbd.Server;

/// <summary>What becomes of the bytes behind a request's header.</summary>
internal enum PayloadUse
{
    /// <summary>There are none, or they are not read because the connection ends.</summary>
    None,

    /// <summary>They are the data of a write.</summary>
    Data,

    /// <summary>They choose contexts of block status.</summary>
    Contexts,

    /// <summary>They are read and forgotten.</summary>
    Skip,
}
