using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>
/// The protocol "nbd": exports of servers, by name ("nbd:unix:PATH", "nbd://host/export", ...) or by the options
/// server, export, tls-creds, tls-hostname, reconnect-delay, open-timeout, x-dirty-bitmap and multi-conn. Stateless.
/// </summary>
/// <param name="findTls">Finds the credentials that "tls-creds" names; null where there are none. May throw.</param>
public sealed class NbdDriver(Func<string, NbdClientTls>? findTls = null) : BlockDriver
{
    /// <inheritdoc/>
    public override string Name => "nbd";

    /// <inheritdoc/>
    public override bool IsProtocol => true;

    /// <inheritdoc/>
    public override string? FileNamePrefix => "nbd";

    /// <inheritdoc/>
    public override IReadOnlyList<string> StrongOptions { get; } =
        ["path", "host", "port", "export", "tls", "tls-creds", "tls-hostname", "tls-certificates", "tls-psk-file",
            "tls-username", "tls-verify-peer", "server."];

    /// <inheritdoc/>
    public override IReadOnlyList<CreateOption> CreateOptions { get; } =
        [new("size", CreateOptionType.Size, "Virtual disk size")];

    /// <inheritdoc/>
    public override bool OpensPrefix(string prefix) =>
        prefix is "nbd" or "nbd+tcp" or "nbd+unix" or "nbds" or "nbds+tcp" or "nbds+unix";

    /// <inheritdoc/>
    public override void ParseFileName(string fileName, OptionSet options) => NbdFileName.Parse(fileName, options);

    /// <inheritdoc/>
    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        try
        {
            return new ValueTask<BlockNode>(Open(request));
        }
        catch (BlockException failure)
        {
            return ValueTask.FromException<BlockNode>(failure);
        }
    }

    /// <summary>Exports are not created: one that is there and long enough is taken, without its old header.</summary>
    public override async ValueTask CreateAsync(CreateRequest request, CancellationToken cancellation)
    {
        long size = request.Options.TakeNumber("size") ?? 0;
        var options = new OptionSet();
        NbdFileName.Parse(request.FileName, options);
        NbdClientOptions client = NbdClientOptions.Take(options, findTls);
        var node = new NbdNode(this, client, ConnectionSet.Open(client)) { OpenedFlags = OpenFlags.ReadWrite };
        await using (node.ConfigureAwait(false))
        {
            FlagsFor(node.Export, OpenFlags.ReadWrite);
            if (size > node.LengthBytes)
                throw BlockException.Invalid("Cannot grow NBD nodes");
            long header = Math.Min(node.LengthBytes, NbdLimits.SectorBytes);
            await node.WriteZeroesAsync(new ByteRange(0, header), cancellation: cancellation)
                .ConfigureAwait(false);
        }
    }

    private NbdNode Open(OpenRequest request)
    {
        // "filename" is the plain name where only options are read; with a name they were parsed from it.
        if (request.Options.Take("filename") is { } fileName)
            NbdFileName.Parse(fileName, request.Options);
        OptionSet effective = request.Options.Clone();
        NbdClientOptions options = NbdClientOptions.Take(request.Options, findTls);
        ConnectionSet connections = ConnectionSet.Open(options);
        try
        {
            return new NbdNode(this, options, connections)
            {
                OpenedFlags = FlagsFor(connections.Export, request.Flags),
                EffectiveOptions = effective,
            };
        }
        catch
        {
            connections.Dispose();
            throw;
        }
    }

    private static OpenFlags FlagsFor(RemoteExport export, OpenFlags flags)
    {
        if (!export.Can(TransmissionFlags.ReadOnly) || (flags & OpenFlags.ReadWrite) == 0)
            return flags;
        if ((flags & OpenFlags.AutoReadOnly) != 0)
            return flags & ~OpenFlags.ReadWrite;
        throw new BlockException(
            BlockErrorKind.ReadOnly, Errno.AccessDenied, "request on write denied without write permission");
    }
}
