using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>What a server tells of one of its exports. Immutable. Sizes in bytes.</summary>
/// <param name="Name">The name to ask for; empty for the default export.</param>
/// <param name="Description">A text for humans; empty for none.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="Flags">What it can do.</param>
/// <param name="MinimumBytes">Requests are multiples of this; 0 where the server did not say.</param>
/// <param name="PreferredBytes">The length that suits best.</param>
/// <param name="MaximumBytes">The longest request.</param>
/// <param name="HasLongRequests">The server takes 64-bit lengths.</param>
/// <param name="Contexts">What its block status tells of.</param>
public sealed record NbdExportInfo(
    string Name,
    string Description,
    long LengthBytes,
    TransmissionFlags Flags,
    uint MinimumBytes,
    uint PreferredBytes,
    uint MaximumBytes,
    bool HasLongRequests,
    IReadOnlyList<string> Contexts)
{
    /// <summary>Asks a server for its exports, waiting for it as long as it takes.</summary>
    /// <exception cref="Byre.Block.Errors.BlockException">There is no such server, or it does not tell.</exception>
    public static IReadOnlyList<NbdExportInfo> List(NbdAddress address, NbdClientTls? tls, string? hostName)
    {
        using System.Net.Sockets.Socket socket = address.Connect();
        var handshake = new ClientHandshake(socket);
        try
        {
            return [.. handshake.List(tls, hostName).Select(Of)];
        }
        finally
        {
            handshake.Transport.Dispose();
        }
    }

    private static NbdExportInfo Of(RemoteExport export) => new(
        export.Name,
        export.Description ?? "",
        export.LengthBytes,
        export.Flags,
        export.MinimumBytes,
        export.PreferredBytes,
        export.MaximumBytes,
        export.Mode >= NbdMode.Extended,
        export.Contexts);
}
