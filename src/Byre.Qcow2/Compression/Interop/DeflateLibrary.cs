using Byre.Block.Errors;

namespace Byre.Qcow2.Compression.Interop;

/// <summary>
/// Raw deflate as some native library offers it. Thread-safe. The window is <see cref="DeflateCodec.WindowBits"/>.
/// </summary>
internal abstract class DeflateLibrary
{
    private protected const int Ok = 0;
    private protected const int StreamEnd = 1;
    private protected const int BufferError = -5;
    private protected const int MemoryError = -4;
    private protected const int Finish = 4;
    private protected const int MethodDeflated = 8;
    private protected const int DefaultStrategy = 0;

    /// <summary>The .NET runtime's own zlib-ng where its exports are as expected, else the system's zlib.</summary>
    /// <exception cref="BlockException">Unsupported: neither is there.</exception>
    public static DeflateLibrary Load()
    {
        if (RuntimeZlib.Load() is { } runtime)
            return runtime;
        return SystemZlib.Load()
            ?? throw BlockException.NotSupported("Compression type zlib needs the system's zlib library (libz.so.1)");
    }

    /// <summary>The stream's length, or -1 where it does not fit <paramref name="destination"/>.</summary>
    public abstract int Compress(ReadOnlySpan<byte> source, Span<byte> destination);

    /// <summary>True where <paramref name="destination"/> was filled whole.</summary>
    public abstract bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> destination);

    /// <summary>
    /// What counts as success: the output is full. A stream may go on beyond it, or stop without an end mark (both are
    /// BufferError); QEMU accepts both, so images may exist that need it.
    /// </summary>
    private protected static bool IsFilled(int result, uint outputLeft) =>
        result is StreamEnd or BufferError && outputLeft == 0;

    /// <summary>Turns the result of a single "finish" call into the length of the stream.</summary>
    private protected static int LengthOf(int result, int capacity, uint outputLeft)
    {
        Invariant.That(result is StreamEnd or Ok or BufferError);
        return result == StreamEnd ? capacity - (int)outputLeft : -1;
    }
}
