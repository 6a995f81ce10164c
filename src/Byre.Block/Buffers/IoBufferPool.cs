using System.Collections.Concurrent;
using System.Numerics;
using Byre.Block.Errors;

namespace Byre.Block.Buffers;

/// <summary>
/// Rents aligned native buffers in power-of-two size classes from 4 KiB. Thread-safe. Keeps at most
/// <see cref="MaxKeptBytes"/> of unused memory in all classes together; the rest is freed when it is returned.
/// </summary>
public sealed class IoBufferPool
{
    private const int SmallestClassBits = 12;
    private const int ClassCount = 20;

    private readonly ConcurrentBag<IoBuffer>[] _classes = new ConcurrentBag<IoBuffer>[ClassCount];
    private long _keptBytes;

    public IoBufferPool()
    {
        for (int i = 0; i < ClassCount; i++)
            _classes[i] = [];
    }

    /// <summary>The pool that everything shares unless a test brings its own.</summary>
    public static IoBufferPool Shared { get; } = new();

    /// <summary>Bound on unused memory that is kept for the next renter.</summary>
    public long MaxKeptBytes { get; init; } = 64 << 20;

    /// <summary>A buffer of <paramref name="lengthBytes"/> bytes with unspecified content.</summary>
    public IoBuffer Rent(int lengthBytes)
    {
        Invariant.That(lengthBytes >= 0);
        int index = ClassOf(lengthBytes);
        if (_classes[index].TryTake(out IoBuffer? buffer))
            Interlocked.Add(ref _keptBytes, -buffer.CapacityBytes);
        else
            buffer = new IoBuffer(this, 1 << (index + SmallestClassBits));
        buffer.MarkRented(lengthBytes);
        return buffer;
    }

    /// <summary>A buffer of <paramref name="lengthBytes"/> zero bytes.</summary>
    public IoBuffer RentZeroed(int lengthBytes)
    {
        IoBuffer buffer = Rent(lengthBytes);
        buffer.Span.Clear();
        return buffer;
    }

    internal void TakeBack(IoBuffer buffer)
    {
        if (Interlocked.Add(ref _keptBytes, buffer.CapacityBytes) > MaxKeptBytes)
        {
            Interlocked.Add(ref _keptBytes, -buffer.CapacityBytes);
            buffer.Free();
            return;
        }

        _classes[ClassOf(buffer.CapacityBytes)].Add(buffer);
    }

    private static int ClassOf(int lengthBytes)
    {
        int bits = lengthBytes <= 1 ? 0 : BitOperations.Log2((uint)lengthBytes - 1) + 1;
        int index = Math.Max(bits, SmallestClassBits) - SmallestClassBits;
        Invariant.That(index < ClassCount - 1);
        return index;
    }
}
