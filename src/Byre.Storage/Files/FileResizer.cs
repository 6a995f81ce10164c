using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Storage.Interop;

namespace Byre.Storage.Files;

/// <summary>Sets the length of a regular file and fills what is new as asked. Stateless.</summary>
internal static class FileResizer
{
    private const int FillBytes = 1 << 20;
    private const int FirstBlockBytes = 4096;
    private const int SectorBytes = 512;

    /// <exception cref="BlockException">Not done; the length is what it was.</exception>
    public static void Resize(SystemCalls calls, OpenFile file, long lengthBytes, PreallocationMode mode)
    {
        int error = calls.Stat(file.Fd, out FileFacts facts);
        if (error < 0)
            throw BlockException.FromErrno("Could not stat file", -error);
        long oldLength = facts.SizeBytes;
        if (oldLength > lengthBytes && mode != PreallocationMode.Off)
            throw BlockException.NotSupported("Cannot use preallocation for shrinking files");
        if (mode == PreallocationMode.Metadata)
            throw BlockException.NotSupported($"Unsupported preallocation mode: {NameOf(mode)}");

        try
        {
            Grow(calls, file, ByteRange.FromEnd(Math.Min(oldLength, lengthBytes), lengthBytes), mode);
        }
        catch (BlockException e)
        {
            error = calls.Truncate(file.Fd, oldLength);
            if (error >= 0)
                throw;
            throw e.Prepend($"Failed to restore old file length: {Errno.Describe(-error)}; before that: ");
        }
    }

    /// <summary>The mode as options spell it.</summary>
    public static string NameOf(PreallocationMode mode) => mode switch
    {
        PreallocationMode.Off => "off",
        PreallocationMode.Metadata => "metadata",
        PreallocationMode.Falloc => "falloc",
        _ => "full",
    };

    private static void Grow(SystemCalls calls, OpenFile file, ByteRange added, PreallocationMode mode)
    {
        if (mode == PreallocationMode.Falloc && !added.IsEmpty)
        {
            int error = calls.Allocate(file.Fd, AllocateMode.Default, added);
            if (error == -Errno.NotSupported)
                FillWithZeroes(calls, file, added, "Could not preallocate new data");
            else if (error < 0)
                throw BlockException.FromErrno("Could not preallocate new data", -error);
        }
        else
        {
            int error = calls.Truncate(file.Fd, added.End);
            if (error < 0)
                throw BlockException.FromErrno("Could not resize file", -error);
        }

        if (mode == PreallocationMode.Full)
            FillWithZeroes(calls, file, added, "Could not write zeros for preallocation");
        else if (added.Offset == 0 && !added.IsEmpty)
            WriteFirstBlock(file, added.End);
    }

    // The alignment that direct I/O needs can only be probed on a first block that is allocated: reads from a hole
    // succeed with any alignment. A help to whoever opens the file next, so a failure does not matter.
    private static void WriteFirstBlock(OpenFile file, long lengthBytes)
    {
        int length = lengthBytes < FirstBlockBytes ? SectorBytes : FirstBlockBytes;
        if (length > lengthBytes)
            return;
        IoBuffer zeroes = IoBufferPool.Shared.RentZeroed(length);
        _ = file.Transfer.Write(file.Fd, 0, zeroes.Memory);
        zeroes.Return();
    }

    // Through a second, buffered descriptor: the range begins at the old end, which no alignment binds.
    private static void FillWithZeroes(SystemCalls calls, OpenFile file, ByteRange range, string what)
    {
        using OpenFile buffered = OpenFile.Open(calls, $"/proc/self/fd/{file.Fd}", what, OpenMode.ReadWrite);
        IoBuffer zeroes = IoBufferPool.Shared.RentZeroed((int)Math.Min(Math.Max(range.Length, 1), FillBytes));
        try
        {
            for (long offset = range.Offset; offset < range.End; offset += zeroes.LengthBytes)
            {
                int length = (int)Math.Min(zeroes.LengthBytes, range.End - offset);
                int error = buffered.Transfer.Write(buffered.Fd, offset, zeroes.Memory[..length]);
                if (error < 0)
                    throw BlockException.FromErrno(what, -error);
            }

            int flushError = calls.Synchronise(buffered.Fd);
            if (flushError < 0)
                throw BlockException.FromErrno("Could not flush file to disk", -flushError);
        }
        finally
        {
            zeroes.Return();
        }
    }
}
