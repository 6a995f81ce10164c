using Byre.Block.Buffers;

namespace Byre.Cli.QemuIo;

/// <summary>
/// The memory of one request: aligned for O_DIRECT, or misaligned on purpose (-m). Not thread-safe;
/// <see cref="Dispose"/> once the request has ended.
/// </summary>
internal sealed class TransferBuffer : IDisposable
{
    /// <summary>What "-m" adds to the address of a buffer.</summary>
    private const int MisalignmentBytes = 16;

    /// <summary>Larger buffers are not worth keeping in a pool, and the pool does not have them.</summary>
    private const int LargestPooledBytes = 256 << 20;

    private readonly IoBuffer? _pooled;

    private TransferBuffer(int lengthBytes, bool misalign)
    {
        int skip = misalign ? MisalignmentBytes : 0;
        if (lengthBytes <= LargestPooledBytes)
        {
            _pooled = IoBufferPool.Shared.Rent(lengthBytes + skip);
            Memory = _pooled.Memory[skip..];
        }
        else
        {
            // Arrays end 64 bytes below 2^31: the largest request fits, but not with the misalignment.
            Memory = GC.AllocateUninitializedArray<byte>(lengthBytes, pinned: true);
        }
    }

    public Memory<byte> Memory { get; }

    public Span<byte> Span => Memory.Span;

    /// <summary>A buffer filled with <paramref name="pattern"/>.</summary>
    public static TransferBuffer Filled(long lengthBytes, byte pattern, bool misalign)
    {
        var buffer = new TransferBuffer((int)lengthBytes, misalign);
        buffer.Span.Fill(pattern);
        return buffer;
    }

    /// <summary>A buffer filled with the content of a file, again and again where the file is shorter.</summary>
    /// <exception cref="CommandException">The file cannot be read, or is empty.</exception>
    public static TransferBuffer FromFile(long lengthBytes, string fileName, bool misalign)
    {
        var buffer = new TransferBuffer((int)lengthBytes, misalign);
        try
        {
            int have = ReadFile(fileName, buffer.Span);
            for (int filled = have; filled < buffer.Span.Length; filled += have)
            {
                int count = Math.Min(have, buffer.Span.Length - filled);
                buffer.Span[..count].CopyTo(buffer.Span[filled..]);
            }

            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    public void Dispose() => _pooled?.Return();

    private static int ReadFile(string fileName, Span<byte> destination)
    {
        try
        {
            using FileStream file = File.OpenRead(fileName);
            int have = file.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
            return have > 0 ? have : throw CommandException.PlainError($"{fileName}: file is empty");
        }
        catch (FileNotFoundException)
        {
            throw CommandException.PlainError($"{fileName}: No such file or directory");
        }
        catch (DirectoryNotFoundException)
        {
            throw CommandException.PlainError($"{fileName}: No such file or directory");
        }
        catch (UnauthorizedAccessException)
        {
            // The runtime says the same of a directory that is opened as a file.
            throw CommandException.PlainError(
                $"{fileName}: {(Directory.Exists(fileName) ? "Is a directory" : "Permission denied")}");
        }
        catch (IOException exception)
        {
            throw CommandException.PlainError($"{fileName}: {exception.Message}");
        }
    }
}
