using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuNbd;

/// <summary>What the program's options say. Filled while they are read.</summary>
internal sealed class NbdCommandLine
{
    /// <summary>-k; null for TCP.</summary>
    public string? SocketPath { get; set; }

    /// <summary>-b; null for the default.</summary>
    public string? Address { get; set; }

    /// <summary>-p; null for the default.</summary>
    public string? Port { get; set; }

    /// <summary>-e: clients at the same time; 0 for any number.</summary>
    public int MaxClients { get; set; } = 1;

    /// <summary>-t.</summary>
    public bool IsPersistent { get; set; }

    /// <summary>-v.</summary>
    public bool IsVerbose { get; set; }

    /// <summary>-x.</summary>
    public string? ExportName { get; set; }

    /// <summary>-D.</summary>
    public string? Description { get; set; }

    /// <summary>--handshake-limit, in seconds.</summary>
    public int HandshakeSeconds { get; set; } = 10;

    /// <summary>-o, in bytes.</summary>
    public long OffsetBytes { get; set; }

    /// <summary>-A.</summary>
    public bool OffersAllocationDepth { get; set; }

    /// <summary>-B, the last one first.</summary>
    public List<string> Bitmaps { get; } = [];

    /// <summary>-L.</summary>
    public bool IsList { get; set; }

    /// <summary>--fork.</summary>
    public bool Forks { get; set; }

    /// <summary>--pid-file.</summary>
    public string? PidFile { get; set; }

    /// <summary>-c.</summary>
    public string? Device { get; set; }

    /// <summary>-d.</summary>
    public bool Disconnects { get; set; }

    /// <summary>-f; null to probe.</summary>
    public string? Format { get; set; }

    /// <summary>-r, -l.</summary>
    public bool IsReadOnly { get; set; }

    /// <summary>-s.</summary>
    public bool UsesTemporaryOverlay { get; set; }

    /// <summary>-l; null for the present content.</summary>
    public SnapshotArgument? Snapshot { get; set; }

    /// <summary>-n, --cache; null where not given.</summary>
    public CacheMode? Cache { get; set; }

    /// <summary>--aio; null where it was not given.</summary>
    public string? Aio { get; set; }

    /// <summary>--discard; null where not given.</summary>
    public bool? Unmaps { get; set; }

    /// <summary>--detect-zeroes.</summary>
    public DetectZeroesMode DetectZeroes { get; set; }

    /// <summary>--image-opts.</summary>
    public bool UsesImageOptions { get; set; }

    /// <summary>--tls-creds.</summary>
    public string? TlsCredentials { get; set; }

    /// <summary>--tls-authz.</summary>
    public string? TlsAuthorization { get; set; }

    /// <summary>--tls-hostname.</summary>
    public string? TlsHostName { get; set; }

    /// <summary>The operand.</summary>
    public string Image { get; set; } = "";
}
