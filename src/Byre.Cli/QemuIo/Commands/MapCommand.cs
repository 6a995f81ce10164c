using Byre.Block.Graph;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"map": which areas the image stores itself.</summary>
internal sealed class MapCommand : IoCommand
{
    public override string Name => "map";

    public override string Arguments => "";

    public override string Summary => "prints the allocated areas of a file";

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        BlockNode node = session.Image.Root;
        RequestOutcome outcome = await session.PerformAsync(() => PrintAsync(session, node)).ConfigureAwait(false);
        if (outcome.Failure is null)
            return true;
        session.Context.Report($"Failed to get allocation status: {outcome.FailureText}");
        return false;
    }

    private static async ValueTask PrintAsync(IoSession session, BlockNode node)
    {
        long length = node.LengthBytes;
        for (long offset = 0; offset < length;)
        {
            AllocationRun run = await AllocationRun.QueryAsync(node, offset, length - offset).ConfigureAwait(false);
            long bytes = run.LengthBytes;
            while (offset + bytes < length)
            {
                AllocationRun next = await AllocationRun
                    .QueryAsync(node, offset + bytes, length - offset - bytes).ConfigureAwait(false);
                if (next.IsAllocated != run.IsAllocated)
                    break;
                bytes += next.LengthBytes;
            }

            session.Output.WriteLine(
                $"{TransferSize.Format(bytes)} (0x{bytes:x}) bytes " +
                $"{(run.IsAllocated ? "    allocated" : "not allocated")} " +
                $"at offset {TransferSize.Format(offset)} (0x{offset:x})");
            offset += bytes;
        }
    }
}
