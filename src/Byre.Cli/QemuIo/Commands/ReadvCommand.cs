using Byre.Block.Requests;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"readv": several buffers in one request.</summary>
internal sealed class ReadvCommand : IoCommand
{
    public override string Name => "readv";

    public override string Arguments => "[-Cqrv] [-P pattern] off len [len..]";

    public override string Summary => "reads a number of bytes at a specified offset";

    public override string Help => """

         reads bytes of the open image into several buffers

         Example:
         'readv -v 512 1k 1k ' - reads 2 kilobytes at offset 512 into two buffers and shows them

         Reads the given range with one request whose buffers have the given lengths.
         -C, -- print the statistics for programs
         -P, -- compare what was read with this byte
         -q, -- print no statistics
         -r, -- register the buffers
         -v, -- show what was read


        """;

    public override int MinimumArguments => 2;

    public override int MaximumArguments => AnyNumber;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        TransferOptions options = TransferOptions.Parse(words, "CP:qrv");
        if (options.Operands.Length < 2)
            throw CommandException.Usage();
        long offset = CommandNumbers.ParseSize(options.Operands[0]);
        using VectoredBuffer buffer = session.FilledVector(options.Operands[1..], IoSession.UnreadPattern);

        RequestOutcome outcome = await session
            .PerformAsync(() => session.Image.ReadAsync(offset, buffer.Vector)).ConfigureAwait(false);
        if (outcome.Failure is not null)
            return session.Fail($"readv failed: {outcome.FailureText}");

        bool matches = session.Verify(buffer.Span, offset, options.Pattern);
        if (options.Dumps && !options.IsQuiet)
            session.Output.Write(TransferReport.Dump(buffer.Span, offset));
        options.PrintReport(session.Output, "read", new ByteRange(offset, buffer.Vector.Length), outcome.Elapsed);
        return matches;
    }
}
