using System.Text;
using Byre.Cli.Interop;

namespace Byre.Cli.Shared;

/// <summary>
/// One of the process's standard streams, as the C library treats it: standard output is collected in a block of
/// <see cref="BlockBytes"/> where it is no terminal, and written line by line where it is one; standard error is
/// written at once. Texts are UTF-8. Write failures (a closed pipe) are remembered, and what follows is dropped. Not
/// thread-safe.
/// </summary>
internal sealed class StandardOutput(int descriptor, OutputBuffering buffering)
{
    /// <summary>
    /// The block size glibc uses for pipes and files; scripts see the same interleaving of the two streams.
    /// </summary>
    private const int BlockBytes = 4096;

    private readonly byte[] _buffer = new byte[BlockBytes];
    private int _used;
    private bool _failed;

    /// <summary>The stream that carries results.</summary>
    public static StandardOutput OpenResults() =>
        new(1, NativeMethods.IsTerminal(1) == 1 ? OutputBuffering.Line : OutputBuffering.Block);

    /// <summary>The stream that carries complaints.</summary>
    public static StandardOutput OpenErrors() => new(2, OutputBuffering.None);

    public void Write(string text)
    {
        if (text.Length <= BlockBytes / 4)
        {
            Span<byte> bytes = stackalloc byte[BlockBytes];
            Write(bytes[..Encoding.UTF8.GetBytes(text, bytes)]);
            return;
        }

        Write(Encoding.UTF8.GetBytes(text));
    }

    public void WriteLine(string text)
    {
        Write(text);
        Write("\n"u8);
    }

    /// <summary>Writes bytes as they are.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_used == BlockBytes)
                Flush();
            int count = Math.Min(bytes.Length, BlockBytes - _used);
            bytes[..count].CopyTo(_buffer.AsSpan(_used));
            _used += count;
            bytes = bytes[count..];
        }

        if (buffering == OutputBuffering.None ||
            (buffering == OutputBuffering.Line && _buffer.AsSpan(0, _used).Contains((byte)'\n')))
            Flush();
    }

    /// <summary>Hands everything collected to the kernel.</summary>
    public void Flush()
    {
        int written = 0;
        while (written < _used && !_failed)
        {
            int count = NativeMethods.Write(descriptor, _buffer.AsSpan(written.._used));
            _failed = count <= 0;
            written += _failed ? 0 : count;
        }

        _used = 0;
    }
}
