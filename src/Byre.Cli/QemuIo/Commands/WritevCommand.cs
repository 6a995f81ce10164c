using Byre.Block.Requests;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"writev": several buffers in one request.</summary>
internal sealed class WritevCommand : IoCommand
{
    public override string Name => "writev";

    public override string Arguments => "[-Cfqr] [-P pattern] off len [len..]";

    public override string Summary => "writes a number of bytes at a specified offset";

    public override string Help => """

         writes bytes into the open image from several buffers

         Example:
         'writev 512 1k 1k' - writes 2 kilobytes at offset 512 from two buffers

         Writes the given range with one request whose buffers have the given lengths and
         are filled with the byte 0xcd.
         -C, -- print the statistics for programs
         -f, -- the data is on the device when the write ends (FUA)
         -P, -- fill the buffers with this byte
         -q, -- print no statistics
         -r, -- register the buffers


        """;

    public override int MinimumArguments => 2;

    public override int MaximumArguments => AnyNumber;

    public override bool Writes => true;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        TransferOptions options = TransferOptions.Parse(words, "CfP:qr");
        if (options.Operands.Length < 2)
            throw CommandException.Usage();
        long offset = CommandNumbers.ParseSize(options.Operands[0]);
        using VectoredBuffer buffer =
            session.FilledVector(options.Operands[1..], options.Pattern ?? IoSession.WrittenPattern);

        RequestOutcome outcome = await session
            .PerformAsync(() => session.Image.WriteAsync(offset, buffer.Vector, options.Flags)).ConfigureAwait(false);
        if (outcome.Failure is not null)
            return session.Fail($"writev failed: {outcome.FailureText}");
        options.PrintReport(session.Output, "wrote", new ByteRange(offset, buffer.Vector.Length), outcome.Elapsed);
        return true;
    }
}
