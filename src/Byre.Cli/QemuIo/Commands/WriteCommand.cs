using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"write": plain, compressed, zeroes, or into the vm state area.</summary>
internal sealed class WriteCommand : IoCommand
{
    private const byte DefaultPattern = IoSession.WrittenPattern;

    public override string Name => "write";

    public override string Alias => "w";

    public override string Arguments => "[-bcCfnqruz] [-P pattern | -s source_file] off len";

    public override string Summary => "writes a number of bytes at a specified offset";

    public override string Help => """

         writes bytes into the open image

         Example:
         'write 512 1k' - writes 1 kilobyte at offset 512

         Writes the given range from one buffer, which is filled with the byte 0xcd, and
         prints statistics.
         -b, -- write the VM state area, not the disk
         -c, -- store the data compressed
         -C, -- print the statistics for programs
         -f, -- the data is on the device when the write ends (FUA)
         -n, -- with -z, fail rather than write buffers of zeroes
         -p, -- accepted for compatibility, without effect
         -P, -- fill the buffer with this byte
         -q, -- print no statistics
         -r, -- register the buffer
         -s, -- fill the buffer from this file
         -u, -- with -z, the space may be given back
         -z, -- write zeroes without a buffer


        """;

    public override int MinimumArguments => 2;

    public override int MaximumArguments => AnyNumber;

    public override bool Writes => true;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        TransferOptions options = TransferOptions.Parse(words, "bcCfnpP:qrs:uz");
        if (options.Operands.Length != 2)
            throw CommandException.Usage();
        CheckCombination(options);
        long offset = CommandNumbers.ParseSize(options.Operands[0]);
        long count = CommandNumbers.ParseSize(options.Operands[1]);
        if (!options.Has(RequestFlags.NoFallback))
            CommandNumbers.CheckRequestLength(count, options.Operands[1], " without -n");
        if (options.IsVmState || options.Has(RequestFlags.Compressed))
        {
            CommandNumbers.CheckSectorAligned(offset, "offset");
            CommandNumbers.CheckSectorAligned(count, "count");
        }

        if (options.IsZero && options.RegistersBuffer)
            throw CommandException.Output("cannot combine zero write with registered I/O buffer");

        using TransferBuffer? buffer = CreateBuffer(session, options, count);
        RequestOutcome outcome = await session
            .PerformAsync(() => Submit(session.Image, options, IoSession.RangeOf(offset, count), buffer))
            .ConfigureAwait(false);
        if (outcome.Failure is not null)
            return session.Fail($"write failed: {outcome.FailureText}");
        options.PrintReport(session.Output, "wrote", new ByteRange(offset, count), outcome.Elapsed);
        return true;
    }

    private static void CheckCombination(TransferOptions options)
    {
        if (options.IsVmState && options.IsZero)
            throw CommandException.Output("-b and -z cannot be specified at the same time");
        if (options.Has(RequestFlags.ForceUnitAccess) && (options.IsVmState || options.Has(RequestFlags.Compressed)))
            throw CommandException.Output("-f and -b or -c cannot be specified at the same time");
        if (options.Has(RequestFlags.NoFallback) && !options.IsZero)
            throw CommandException.Output("-n requires -z to be specified");
        if (options.Has(RequestFlags.MayUnmap) && !options.IsZero)
            throw CommandException.Output("-u requires -z to be specified");

        bool hasPattern = options.Pattern is not null;
        bool hasSource = options.SourceFile is not null;
        if ((options.IsZero && hasPattern) || (options.IsZero && hasSource) || (hasPattern && hasSource))
            throw CommandException.Output("Only one of -z, -P, and -s can be specified at the same time");
    }

    private static TransferBuffer? CreateBuffer(IoSession session, TransferOptions options, long count)
    {
        if (options.IsZero)
            return null;
        return options.SourceFile is { } fileName
            ? TransferBuffer.FromFile(count, fileName, session.MisalignsBuffers)
            : session.FilledBuffer(count, options.Pattern ?? DefaultPattern);
    }

    private static ValueTask Submit(
        BlockBackend image, TransferOptions options, ByteRange range, TransferBuffer? buffer)
    {
        if (buffer is null)
            return image.WriteZeroesAsync(range, options.Flags & ~RequestFlags.Compressed);
        if (options.IsVmState)
            return SaveVmStateAsync(image, range, buffer);
        if (options.Has(RequestFlags.Compressed) && !image.Root.CanWriteCompressed)
            throw BlockException.FromErrno(Errno.NotSupported);
        return image.WriteAsync(range.Offset, buffer.Memory, options.Flags);
    }

    private static async ValueTask SaveVmStateAsync(BlockBackend image, ByteRange range, TransferBuffer buffer)
    {
        await image.Root.SaveVmStateAsync(range.Offset, buffer.Memory).ConfigureAwait(false);
        if (!image.WriteCache)
            await image.FlushAsync().ConfigureAwait(false);
    }
}
