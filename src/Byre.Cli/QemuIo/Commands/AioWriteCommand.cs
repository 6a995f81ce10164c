using Byre.Block.Requests;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"aio_write": starts a write and reports it when it has ended.</summary>
internal sealed class AioWriteCommand : IoCommand
{
    public override string Name => "aio_write";

    public override string Arguments => "[-Cfiqruz] [-P pattern] off len [len..]";

    public override string Summary => "asynchronously writes a number of bytes";

    public override string Help => """

         starts to write bytes into the open image

         Example:
         'aio_write 512 1k 1k' - writes 2 kilobytes at offset 512 from two buffers

         Starts a write from buffers filled with the byte 0xcd and goes on with the next
         command. The result is printed when the write has ended; aio_flush waits for that.
         The command counts as successful once the request is started, whatever becomes of it.
         -C, -- print the statistics for programs
         -f, -- the data is on the device when the write ends (FUA)
         -i, -- start nothing and count an invalid request
         -P, -- fill the buffers with this byte
         -q, -- print no statistics
         -r, -- register the buffers
         -u, -- with -z, the space may be given back
         -z, -- write zeroes without a buffer


        """;

    public override int MinimumArguments => 2;

    public override int MaximumArguments => AnyNumber;

    public override bool Writes => true;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        TransferOptions options = TransferOptions.Parse(words, "CfiP:qruz");
        if (options.IsInvalid)
        {
            session.Output.WriteLine("injecting invalid write request");
            return new ValueTask<bool>(true);
        }

        if (options.Operands.Length < 2)
            throw CommandException.Usage();
        CheckCombination(options);
        long offset = CommandNumbers.ParseSize(options.Operands[0]);
        if (options.IsZero)
            StartZeroes(session, options, offset, CommandNumbers.ParseSize(options.Operands[1]));
        else
            StartWrite(session, options, offset);
        return new ValueTask<bool>(true);
    }

    private static void CheckCombination(TransferOptions options)
    {
        if (options.IsZero && options.Operands.Length != 2)
            throw CommandException.Output("-z supports only a single length parameter");
        if (options.Has(RequestFlags.MayUnmap) && !options.IsZero)
            throw CommandException.Output("-u requires -z to be specified");
        if (options.IsZero && options.RegistersBuffer)
            throw CommandException.Output("cannot combine zero write with registered I/O buffer");
    }

    /// <summary>A pattern beside -z has no effect: the peer means to refuse it and does not.</summary>
    private static void StartZeroes(IoSession session, TransferOptions options, long offset, long count) =>
        session.Requests.Start(
            () => session.Image.WriteZeroesAsync(IoSession.RangeOf(offset, count), options.Flags),
            outcome => Finish(session, options, offset, count, outcome));

    private static void StartWrite(IoSession session, TransferOptions options, long offset)
    {
        VectoredBuffer buffer =
            session.FilledVector(options.Operands[1..], options.Pattern ?? IoSession.WrittenPattern);
        session.Requests.Start(
            () => session.Image.WriteAsync(offset, buffer.Vector, options.Flags),
            outcome =>
            {
                using (buffer)
                    Finish(session, options, offset, buffer.Vector.Length, outcome);
            });
    }

    private static void Finish(
        IoSession session, TransferOptions options, long offset, long count, RequestOutcome outcome)
    {
        if (outcome.Failure is not null)
            session.Fail($"aio_write failed: {outcome.FailureText}");
        else
            options.PrintReport(session.Output, "wrote", new ByteRange(offset, count), outcome.Elapsed);
    }
}
