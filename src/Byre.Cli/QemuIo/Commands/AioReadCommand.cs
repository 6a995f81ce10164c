using Byre.Block.Requests;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"aio_read": starts a read and reports it when it has ended.</summary>
internal sealed class AioReadCommand : IoCommand
{
    public override string Name => "aio_read";

    public override string Arguments => "[-Ciqrv] [-P pattern] off len [len..]";

    public override string Summary => "asynchronously reads a number of bytes";

    public override string Help => """

         starts to read bytes of the open image

         Example:
         'aio_read -v 512 1k 1k ' - reads 2 kilobytes at offset 512 and shows them

         Starts a read and goes on with the next command. The result is printed when the
         read has ended; aio_flush waits for that. The command counts as successful once
         the request is started, whatever becomes of it and whether the pattern matches.
         -C, -- print the statistics for programs
         -i, -- start nothing and count an invalid request
         -P, -- compare what was read with this byte
         -q, -- print no statistics
         -r, -- register the buffers
         -v, -- show what was read


        """;

    public override int MinimumArguments => 2;

    public override int MaximumArguments => AnyNumber;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        TransferOptions options = TransferOptions.Parse(words, "CiP:qrv");
        if (options.IsInvalid)
        {
            session.Output.WriteLine("injecting invalid read request");
            return new ValueTask<bool>(true);
        }

        if (options.Operands.Length < 2)
            throw CommandException.Usage();
        long offset = CommandNumbers.ParseSize(options.Operands[0]);
        VectoredBuffer buffer = session.FilledVector(options.Operands[1..], IoSession.UnreadPattern);
        session.Requests.Start(
            () => session.Image.ReadAsync(offset, buffer.Vector),
            outcome => Finish(session, options, offset, buffer, outcome));
        return new ValueTask<bool>(true);
    }

    private static void Finish(
        IoSession session, TransferOptions options, long offset, VectoredBuffer buffer, RequestOutcome outcome)
    {
        using (buffer)
        {
            if (outcome.Failure is not null)
            {
                // The peer's word here is "readv".
                session.Fail($"readv failed: {outcome.FailureText}");
                return;
            }

            session.Verify(buffer.Span, offset, options.Pattern);
            if (options.Dumps && !options.IsQuiet)
                session.Output.Write(TransferReport.Dump(buffer.Span, offset));
            options.PrintReport(session.Output, "read", new ByteRange(offset, buffer.Vector.Length), outcome.Elapsed);
        }
    }
}
