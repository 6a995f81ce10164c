using System.Net.Sockets;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Files;
using Byre.Storage.IoUring;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

/// <summary>Requests that go through an io_uring.</summary>
public sealed class RingTests : IDisposable
{
    private const int Block = 4096;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(OpenFlags.None)]
    [InlineData(OpenFlags.CacheDirect)]
    public void Requests_in_flight_together_agree_with_an_array(OpenFlags cache) => LoopThread.Run(async _ =>
    {
        const int Blocks = 256;
        byte[] model = new byte[Blocks * Block];
        await using FileStorage node = Nodes.Open(_directory.File("f"), Nodes.Writable | cache);
        var random = new Random(7);
        for (int round = 0; round < 60; round++)
        {
            var tasks = new List<Task>();
            var buffers = new List<(IoBuffer Buffer, int Offset, bool IsRead)>();
            int[] order = [.. Enumerable.Range(0, Blocks)];
            random.Shuffle(order);
            foreach (int block in order.Take(40))
            {
                IoBuffer buffer = IoBufferPool.Shared.Rent(Block);
                bool isRead = random.Next(2) == 0;
                buffers.Add((buffer, block * Block, isRead));
                random.NextBytes(buffer.Span);
                if (!isRead)
                    buffer.Span.CopyTo(model.AsSpan(block * Block));
                tasks.Add((isRead
                    ? node.ReadAsync(block * Block, buffer.Memory)
                    : node.WriteAsync(block * Block, buffer.Memory)).AsTask());
            }

            if (round % 5 == 0)
                tasks.Add(node.FlushAsync().AsTask());
            await Task.WhenAll(tasks);
            foreach ((IoBuffer buffer, int offset, bool isRead) in buffers)
            {
                if (isRead)
                    Assert.True(buffer.Span.SequenceEqual(model.AsSpan(offset, Block)));
                buffer.Return();
            }
        }
    });

    [Fact]
    public void Neighbours_are_merged()
    {
        LoopThread.RunFaulty(
            async ring =>
            {
                await using FileStorage node = Open();
                using var buffers = new Buffers(8);
                await Task.WhenAll(buffers.Each(i => node.WriteAsync((7 - i) * Block, buffers[i])));
                Assert.Equal(1, ring.Ended);
                await node.FlushAsync();
                Assert.Equal(2, ring.Ended);
                using var back = new Buffers(8);
                await Task.WhenAll(back.Each(i => node.ReadAsync((i < 4 ? i : i + 1) % 8 * Block, back[i])));
                Assert.Equal(2 + 3, ring.Ended);
                Assert.True(back[0].Span.SequenceEqual(buffers[7].Span));
                Assert.True(back[6].Span.SequenceEqual(buffers[0].Span));
                Assert.True(back[7].Span.SequenceEqual(buffers[7].Span));
            });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void A_merged_run_that_fails_or_ends_early_is_done_one_by_one(int length)
    {
        int[] results = [-Errno.InputOutput, 100, 4096, 0, -Errno.TryAgain, -Errno.Interrupted];
        int next = 0;
        LoopThread.RunFaulty(
            async ring =>
            {
                await using FileStorage node = Open();
                using var buffers = new Buffers(length);
                for (; next < results.Length; next++)
                {
                    int seen = 0;
                    ring.Alter = result => seen++ == 0 ? results[next] : result;
                    if (length == 1 && results[next] == -Errno.InputOutput)
                    {
                        BlockException e = await Assert.ThrowsAsync<BlockException>(
                            () => node.WriteAsync(0, buffers[0]).AsTask());
                        Assert.Equal(Errno.InputOutput, e.Errno);
                        continue;
                    }

                    await Task.WhenAll(buffers.Each(i => node.WriteAsync(i * Block, buffers[i])));
                    using var back = new Buffers(length);
                    seen = 0;
                    await Task.WhenAll(back.Each(i => node.ReadAsync(i * Block, back[i])));
                    for (int i = 0; i < length; i++)
                        Assert.True(back[i].Span.SequenceEqual(buffers[i].Span));
                }
            });
    }

    /// <summary>
    /// Memory that direct I/O takes when a request is made may lie elsewhere by the time the batch is submitted.
    /// </summary>
    [Fact]
    public void Memory_that_is_collected_around_stays_where_direct_io_takes_it() => LoopThread.Run(async _ =>
    {
        await using FileStorage node = Nodes.Open(_directory.File("f"), Nodes.Writable | OpenFlags.CacheDirect);
        for (int round = 0; round < 20; round++)
        {
            Memory<byte> data = MakeMovable();
            data.Span.Fill((byte)(round + 1));
            ValueTask write = node.WriteAsync(0, data);
            GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
            await write;
            byte[] back = new byte[Block];
            await node.ReadAsync(0, back);
            Assert.True(back.AsSpan().SequenceEqual(data.Span));
        }
    });

    /// <summary>A block that is aligned as long as the garbage in front of it is there.</summary>
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static Memory<byte> MakeMovable()
    {
        for (int i = 0; i < 100; i++)
            GC.KeepAlive(new byte[1000 + (i * 8)]);
        byte[] array = new byte[3 * Block];
        long start = System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        return array.AsMemory((int)(-start & (Block - 1)), Block);
    }

    [Fact]
    public void Reads_beyond_the_end_give_zeroes() => LoopThread.Run(async _ =>
    {
        await using FileStorage node = Open();
        using var buffers = new Buffers(2);
        await node.WriteAsync(0, buffers[0]);
        IoBuffer long2 = IoBufferPool.Shared.Rent(2 * Block);
        long2.Span.Fill(7);
        await node.ReadAsync(0, long2.Memory);
        Assert.True(long2.Span[..Block].SequenceEqual(buffers[0].Span));
        Assert.True(ZeroDetector.IsZero(long2.Span[Block..]));
        long2.Return();
    });

    [Fact]
    public void A_failed_flush_is_never_success_later()
    {
        LoopThread.RunFaulty(
            async ring =>
            {
                FileStorage node = Open();
                using var buffers = new Buffers(1);
                await node.WriteAsync(0, buffers[0]);
                ring.Alter = _ => -Errno.NoSpace;
                await Assert.ThrowsAsync<BlockException>(() => node.FlushAsync().AsTask());
                ring.Alter = result => result;
                BlockException e = await Assert.ThrowsAsync<BlockException>(() => node.FlushAsync().AsTask());
                Assert.Equal(Errno.InputOutput, e.Errno);
                await Assert.ThrowsAsync<BlockException>(() => node.WriteAsync(0, buffers[0]).AsTask());
                await Assert.ThrowsAsync<BlockException>(() => node.DisposeAsync().AsTask());
            });
    }

    [Fact]
    public void A_forced_write_is_followed_by_a_flush()
    {
        LoopThread.RunFaulty(
            async ring =>
            {
                await using FileStorage node = Open();
                using var buffers = new Buffers(1);
                await node.WriteAsync(0, buffers[0], RequestFlags.ForceUnitAccess);
                Assert.Equal(2, ring.Ended);
                await node.FlushAsync();
                Assert.Equal(2, ring.Ended);
            });
    }

    [Fact]
    public void Memory_that_direct_io_forbids_is_copied() => LoopThread.Run(async _ =>
    {
        await using FileStorage node = Open();
        byte[] odd = new byte[Block + 1];
        Random.Shared.NextBytes(odd);
        await node.WriteAsync(0, odd.AsMemory(1));
        byte[] back = new byte[Block + 3];
        await node.ReadAsync(0, back.AsMemory(3));
        Assert.Equal(odd[1..], back[3..]);
    });

    [Fact]
    public void More_requests_than_the_ring_has_entries_are_submitted_in_turns()
    {
        LoopThread.RunFaulty(
            async ring =>
            {
                await using FileStorage node = Open();
                using var buffers = new Buffers(100);
                await Task.WhenAll(buffers.Each(i => node.WriteAsync(i * 2 * Block, buffers[i])));
                Assert.Equal(100, ring.Ended);
            });
    }

    [Fact]
    public void A_socket_and_a_wake_end_the_wait() => LoopThread.Run(reactor =>
    {
        (Socket ours, Socket theirs) = Connect();
        using (ours)
        using (theirs)
        {
            using var buffers = new Buffers(1);
            reactor.BeginReceive((int)ours.Handle, buffers[0]);
            Task.Run(reactor.Wake);
            reactor.RunOnce();
            Assert.Null(reactor.EndReceive());
            theirs.Send([1, 2, 3]);
            reactor.RunOnce();
            Assert.Equal(3, reactor.EndReceive());
            Assert.Equal([1, 2, 3], buffers[0].Span[..3].ToArray());
            reactor.BeginReceive((int)ours.Handle, buffers[0]);
            theirs.Shutdown(SocketShutdown.Both);
            reactor.RunOnce();
            Assert.Equal(0, reactor.EndReceive());
        }

        return Task.CompletedTask;
    });

    private static (Socket Ours, Socket Theirs) Connect()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        listener.Listen();
        var theirs = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        theirs.Connect(listener.LocalEndPoint!);
        return (listener.Accept(), theirs);
    }

    private FileStorage Open() =>
        Nodes.Open(_directory.File("f"), Nodes.Writable | OpenFlags.CacheDirect);

    /// <summary>Blocks of random bytes.</summary>
    private sealed class Buffers : IDisposable
    {
        private readonly IoBuffer[] _buffers;

        public Buffers(int count)
        {
            _buffers = [.. Enumerable.Range(0, count).Select(_ => IoBufferPool.Shared.Rent(Block))];
            foreach (IoBuffer buffer in _buffers)
                Random.Shared.NextBytes(buffer.Span);
        }

        public Memory<byte> this[int index] => _buffers[index].Memory;

        public IEnumerable<Task> Each(Func<int, ValueTask> begin) =>
            [.. Enumerable.Range(0, _buffers.Length).Select(i => begin(i).AsTask())];

        public void Dispose()
        {
            foreach (IoBuffer buffer in _buffers)
                buffer.Return();
        }
    }
}
