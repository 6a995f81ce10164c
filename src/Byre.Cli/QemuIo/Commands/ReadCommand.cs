using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"read": one buffer, optionally compared with a pattern.</summary>
internal sealed class ReadCommand : IoCommand
{
    public override string Name => "read";

    public override string Alias => "r";

    public override string Arguments => "[-abCqrv] [-P pattern [-s off] [-l len]] off len";

    public override string Summary => "reads a number of bytes at a specified offset";

    public override string Help => """

         reads bytes of the open image

         Example:
         'read -v 512 1k' - reads 1 kilobyte at offset 512 and shows it

         Reads the given range into one buffer and prints statistics.
         -b, -- read the VM state area, not the disk
         -C, -- print the statistics for programs
         -l, -- how many bytes to compare with the pattern (with -P)
         -p, -- accepted for compatibility, without effect
         -P, -- compare what was read with this byte
         -q, -- print no statistics
         -r, -- register the buffer
         -s, -- where to begin to compare, from the start of the range (with -P)
         -v, -- show what was read


        """;

    public override int MinimumArguments => 2;

    public override int MaximumArguments => AnyNumber;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        TransferOptions options = TransferOptions.Parse(words, "bCl:pP:qrs:v");
        if (options.Operands.Length != 2)
            throw CommandException.Usage();
        long offset = CommandNumbers.ParseSize(options.Operands[0]);
        long count = CommandNumbers.ParseSize(options.Operands[1]);
        CommandNumbers.CheckRequestLength(count, options.Operands[1]);
        ByteRange compared = ComparedRange(options, count);
        if (options.IsVmState)
            CheckVmState(options, offset, count);

        using TransferBuffer buffer = session.FilledBuffer(count, IoSession.UnreadPattern);
        RequestOutcome outcome = await session.PerformAsync(() => options.IsVmState
            ? session.Image.Root.LoadVmStateAsync(offset, buffer.Memory)
            : session.Image.ReadAsync(offset, buffer.Memory)).ConfigureAwait(false);
        if (outcome.Failure is not null)
            return session.Fail($"read failed: {outcome.FailureText}");

        bool matches = session.Verify(
            buffer.Span.Slice((int)compared.Offset, (int)compared.Length), offset + compared.Offset, options.Pattern);
        if (options.Dumps && !options.IsQuiet)
            session.Output.Write(TransferReport.Dump(buffer.Span, offset));
        options.PrintReport(session.Output, "read", new ByteRange(offset, count), outcome.Elapsed);
        return matches;
    }

    private static ByteRange ComparedRange(TransferOptions options, long count)
    {
        if (options.Pattern is null && (options.PatternOffset ?? options.PatternLength) is not null)
            throw CommandException.Usage();
        long start = options.PatternOffset ?? 0;
        long length = options.PatternLength ?? count - start;
        if (length < 0 || start > count - length)
            throw CommandException.Output("pattern verification range exceeds end of read data");
        return new ByteRange(start, length);
    }

    private static void CheckVmState(TransferOptions options, long offset, long count)
    {
        CommandNumbers.CheckSectorAligned(offset, "offset");
        CommandNumbers.CheckSectorAligned(count, "count");
        if (options.RegistersBuffer)
            throw CommandException.Output("I/O buffer registration is not supported when reading from vmstate");
    }
}
