using Byre.Block.Requests;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"discard".</summary>
internal sealed class DiscardCommand : IoCommand
{
    public override string Name => "discard";

    public override string Alias => "d";

    public override string Arguments => "[-Cq] off len";

    public override string Summary => "discards a number of bytes at a specified offset";

    public override string Help => """

         discards bytes of the open image

         Example:
         'discard 512 1k' - discards 1 kilobyte at offset 512

         Tells the image that the given range is no longer needed.
         -C, -- print the statistics for programs
         -q, -- print no statistics


        """;

    public override int MinimumArguments => 2;

    public override int MaximumArguments => AnyNumber;

    public override bool Writes => true;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        TransferOptions options = TransferOptions.Parse(words, "Cq");
        if (options.Operands.Length != 2)
            throw CommandException.Usage();
        long offset = CommandNumbers.ParseSize(options.Operands[0]);
        long count = CommandNumbers.ParseSize(options.Operands[1]);
        CommandNumbers.CheckRequestLength(count, options.Operands[1]);

        RequestOutcome outcome = await session
            .PerformAsync(() => session.Image.DiscardAsync(IoSession.RangeOf(offset, count))).ConfigureAwait(false);
        if (outcome.Failure is not null)
            return session.Fail($"discard failed: {outcome.FailureText}");
        options.PrintReport(session.Output, "discard", new ByteRange(offset, count), outcome.Elapsed);
        return true;
    }
}
