namespace Byre.Nbd.Protocol;

/// <summary>What either side accepts. Units in the names.</summary>
internal static class NbdLimits
{
    /// <summary>The longest payload of an option, a read or a write: what every known implementation allows.</summary>
    public const int MaxPayloadBytes = 32 << 20;

    /// <summary>The longest name or text (the protocol's own bound).</summary>
    public const int MaxStringBytes = 4096;

    /// <summary>Extents in one answer about block status: one MiB of them.</summary>
    public const int MaxStatusExtents = 128 << 10;

    /// <summary>Requests that one client has in flight; more wait in the socket.</summary>
    public const int MaxRequestsInFlight = 64;

    /// <summary>Bytes of payload that one client's requests hold together; a request alone may be as long as
    /// <see cref="MaxPayloadBytes"/>.</summary>
    public const long MaxBytesInFlight = 64 << 20;

    /// <summary>Options that a client may send before it has chosen an export; more is no negotiation.</summary>
    public const int MaxOptions = 1024;

    /// <summary>Seconds that a client may take to choose an export.</summary>
    public const int DefaultHandshakeSeconds = 10;

    /// <summary>The port of servers that are not told one.</summary>
    public const int DefaultPort = 10809;

    /// <summary>Exports are made of whole sectors.</summary>
    public const int SectorBytes = 512;
}
