using Byre.Block.Graph;
using Byre.Cli.QemuImg;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"info": the format and its figures; under our own name also what the image has counted.</summary>
internal sealed class InfoCommand : IoCommand
{
    public override string Name => "info";

    public override string Alias => "i";

    public override string Summary => "prints information about the current file";

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        BlockNode node = session.Image.Root;
        session.Output.WriteLine($"format name: {node.Driver.Name}");

        // The peer prints a driver's name as a format and once more as a protocol, both under the same heading.
        if (node.Driver.IsProtocol || node.Driver.FileNamePrefix is not null)
            session.Output.WriteLine($"format name: {node.Driver.Name}");

        if (FindNodeWithFigures(node) is not { } describing)
            return false;
        ImageInfo info = await describing.GetImageInfoAsync().ConfigureAwait(false);
        session.Output.WriteLine($"cluster size: {TransferSize.Format(info.ClusterSizeBytes)}");
        session.Output.WriteLine($"vm state offset: {TransferSize.Format(info.VmStateOffset)}");
        if (describing == node)
            NodeInfoText.PrintFormatSpecific(session.Output, info, level: 0);
        if (session.Context.ProgramName == "byre" && node is INodeStatistics counting)
            session.Output.Write("statistics:\n" + StatisticsReport.Lines(counting.Figures));
        return true;
    }

    /// <summary>
    /// The node that knows cluster sizes: formats and files do, raw and filters ask below, the null protocols do not.
    /// </summary>
    private static BlockNode? FindNodeWithFigures(BlockNode node)
    {
        while ((node.Driver.IsFilter || node.Driver.Name == "raw") && node.File is { } file)
            node = file;
        return node.Driver.Name is "null-co" or "null-aio" ? null : node;
    }
}
