using Byre.Qcow2.WriteCache;

namespace Byre.Qcow2.Tests.WriteCache;

/// <summary>Remembers the writes of a cache, holds them back where asked to, and fails some. For any thread.</summary>
internal sealed class RecordingTarget : IWriteCacheTarget
{
    private readonly Lock _lock = new();
    private readonly List<(long Offset, int Length)> _writes = [];
    private readonly List<TaskCompletionSource> _held = [];
    private readonly HashSet<long> _underWay = [];
    private readonly byte[] _content = new byte[1 << 20];

    public int AlignmentBytes { get; init; } = 1;

    public int ClusterBytes { get; init; } = 4096;

    /// <summary>Writes wait until <see cref="Release"/>.</summary>
    public bool Holds { get; set; }

    /// <summary>Writes fail.</summary>
    public bool Fails { get; set; }

    /// <summary>Milliseconds that a write takes.</summary>
    public int DelayMs { get; init; }

    /// <summary>Offset and length of every write that was begun.</summary>
    public (long Offset, int Length)[] Writes
    {
        get
        {
            lock (_lock)
                return [.. _writes];
        }
    }

    public ReadOnlySpan<byte> Content => _content;

    public async ValueTask WriteAsync(long offset, Memory<byte> content)
    {
        long cluster = offset / ClusterBytes;
        Task held = Task.CompletedTask;
        lock (_lock)
        {
            Assert.Equal(cluster, (offset + content.Length - 1) / ClusterBytes);
            Assert.True(_underWay.Add(cluster), "two writes of one cluster at once");
            _writes.Add((offset, content.Length));
            if (Holds)
            {
                _held.Add(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
                held = _held[^1].Task;
            }
        }

        byte[] before = content.ToArray();
        await held.ConfigureAwait(false);
        if (DelayMs > 0)
            await Task.Delay(DelayMs).ConfigureAwait(false);
        lock (_lock)
        {
            Assert.True(_underWay.Remove(cluster));
            Assert.True(content.Span.SequenceEqual(before), "content changed while it was written");
            if (Fails)
                throw new IOException("failed");
            before.CopyTo(_content, offset);
        }
    }

    /// <summary>Lets the write go on that was begun as number <paramref name="index"/> while they were held.</summary>
    public void Release(int index)
    {
        TaskCompletionSource held;
        lock (_lock)
            held = _held[index];
        held.SetResult();
    }
}
