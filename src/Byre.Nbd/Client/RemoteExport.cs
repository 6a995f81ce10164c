using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>What a server said of an export. Immutable.</summary>
internal sealed record RemoteExport
{
    public string Name { get; init; } = "";

    public string? Description { get; init; }

    public long LengthBytes { get; init; }

    public TransmissionFlags Flags { get; init; }

    /// <summary>Which headers are spoken.</summary>
    public NbdMode Mode { get; init; }

    /// <summary>Requests are multiples of this; 0 where the server did not say.</summary>
    public uint MinimumBytes { get; init; }

    public uint PreferredBytes { get; init; }

    public uint MaximumBytes { get; init; }

    /// <summary>The number of the context of block status; null where there is none.</summary>
    public uint? StatusContext { get; init; }

    /// <summary>Names of all contexts, where they were asked for.</summary>
    public IReadOnlyList<string> Contexts { get; init; } = [];

    public bool Can(TransmissionFlags flag) => (Flags & flag) != 0;
}
