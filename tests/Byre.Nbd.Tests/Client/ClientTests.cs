using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Nbd.Tests.Support;

namespace Byre.Nbd.Tests.Client;

/// <summary>The client node against our own server.</summary>
public sealed class ClientTests
{
    [Theory]
    [InlineData("1")]
    [InlineData("4")]
    public async Task Random_requests_agree_with_a_model(string connections)
    {
        const int SizeBytes = 3 << 20;
        using var directory = new TempDirectory();
        await Images.CreateAsync("qcow2", directory["image"], SizeBytes);
        BlockNode image = await Images.OpenAsync(directory["image"]);
        await using TestServer server = await TestServer.StartAsync([("x", image)]);
        BlockNode node = await Images.OpenAsync(
            "", ("driver", "nbd"), ("path", server.Path), ("export", "x"), ("multi-conn", connections));
        await using (node)
        {
            byte[] model = new byte[SizeBytes];
            var random = new Random(int.Parse(Environment.GetEnvironmentVariable("BYRE_SEED") ?? "20260801"));
            for (int step = 0; step < 400; step++)
            {
                int offset = random.Next(SizeBytes - 1);
                int length = 1 + random.Next(Math.Min(random.Next(2) == 0 ? 5000 : 400_000, SizeBytes - offset));
                await StepAsync(node, model, random, new ByteRange(offset, length));
            }

            byte[] all = new byte[SizeBytes];
            await node.ReadAsync(0, all);
            Assert.Equal(model, all);
        }
    }

    [Fact]
    public async Task Many_requests_are_in_flight_together()
    {
        await using TestServer server = await TestServer.StartAsync(8 << 20);
        await using BlockNode node = await Images.OpenAsync(server.Uri);
        await Parallel.ForAsync(0, 512, async (number, cancellation) =>
        {
            byte[] written = new byte[16384];
            Array.Fill(written, (byte)(number + 1));
            await node.WriteAsync(number * 16384L, written, RequestFlags.ForceUnitAccess, cancellation);
            byte[] read = new byte[16384];
            await node.ReadAsync(number * 16384L, read, cancellation);
            Assert.Equal(written, read);
        });
    }

    [Fact]
    public async Task Status_comes_from_the_server()
    {
        using var directory = new TempDirectory();
        await Images.CreateAsync("qcow2", directory["image"], 1 << 20);
        await using TestServer server = await TestServer.StartAsync([("", await Images.OpenAsync(directory["image"]))]);
        await using BlockNode node = await Images.OpenAsync(server.Uri, ("driver", "raw"));
        await node.WriteAsync(65536, new byte[65536].Select(_ => (byte)1).ToArray());
        BlockExtent hole = await node.GetStatusAsync(new ByteRange(0, 1 << 20));
        Assert.Equal(65536, hole.Length);
        Assert.True(hole.Has(BlockStatus.Zero));
        BlockExtent data = await node.GetStatusAsync(new ByteRange(65536, 1 << 19));
        Assert.Equal(65536, data.Length);
        Assert.True(data.Has(BlockStatus.Data));
    }

    [Fact]
    public async Task A_lost_connection_comes_back_and_requests_wait_for_it()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using BlockNode node = await Images.OpenAsync(
            "", ("driver", "nbd"), ("path", server.Path), ("reconnect-delay", "10"));
        await node.WriteAsync(0, new byte[] { 1, 2, 3 });
        await server.RestartAsync(TimeSpan.FromMilliseconds(200));
        byte[] read = new byte[3];
        await node.ReadAsync(0, read);
        Assert.Equal([1, 2, 3], read);
    }

    [Fact]
    public async Task Without_a_delay_requests_fail_until_the_connection_is_back()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using BlockNode node = await Images.OpenAsync("", ("driver", "nbd"), ("path", server.Path));
        Task restart = server.RestartAsync(TimeSpan.FromMilliseconds(300));
        BlockException failure = await Assert.ThrowsAsync<BlockException>(async () =>
        {
            while (true)
                await node.ReadAsync(0, new byte[512]);
        });
        Assert.Equal(Errno.InputOutput, failure.Errno);
        await restart;
        await Task.Delay(2500);
        await node.ReadAsync(0, new byte[512]);
    }

    [Fact]
    public async Task Opening_waits_for_the_server_where_it_is_told_to()
    {
        await using TestServer server = await TestServer.StartAsync();
        Task restart = server.RestartAsync(TimeSpan.FromMilliseconds(300));
        await using BlockNode node = await Task.Run(async () =>
            await Images.OpenAsync("", ("driver", "nbd"), ("path", server.Path), ("open-timeout", "10")));
        Assert.Equal(1 << 20, node.LengthBytes);
        await restart;
    }

    [Theory]
    [InlineData("nbd:unix:/nowhere/s", "Failed to connect to '/nowhere/s': No such file or directory")]
    [InlineData("nbd://127.0.0.1:1/x", "Failed to connect to '127.0.0.1:1': Connection refused")]
    [InlineData("nbd+unix:///x?path=/s", "No valid URL specified")]
    [InlineData("nbd:", "NBD server address missing")]
    public async Task A_server_that_cannot_be_had_is_told_in_the_usual_words(string name, string expected)
    {
        BlockException failure = await Assert.ThrowsAsync<BlockException>(async () => await Images.OpenAsync(name));
        Assert.Equal(expected, failure.Message);
    }

    [Fact]
    public async Task A_read_only_export_is_not_opened_for_writing()
    {
        await using TestServer server = await TestServer.StartAsync(isReadOnly: true);
        await Assert.ThrowsAsync<BlockException>(async () => await Images.OpenAsync(server.Uri));
        await using BlockNode node = await Images.Opener.OpenAsync(server.Uri, OpenFlags.None);
        Assert.True(node.IsReadOnly);
    }

    [Fact]
    public async Task An_export_does_not_grow()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using BlockNode node = await Images.OpenAsync("", ("driver", "nbd"), ("path", server.Path));
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await node.WriteAsync(1 << 20, new byte[512]));
        Assert.Equal((Errno.Invalid, "Cannot grow NBD nodes"), (failure.Errno, failure.Message));
    }

    private static async Task StepAsync(BlockNode node, byte[] model, Random random, ByteRange range)
    {
        (int offset, int length) = ((int)range.Offset, (int)range.Length);
        switch (random.Next(5))
        {
            case 0:
                random.NextBytes(model.AsSpan(offset, length));
                await node.WriteAsync(offset, model[offset..(offset + length)]);
                break;
            case 1:
                Array.Clear(model, offset, length);
                RequestFlags flags = random.Next(2) == 0 ? RequestFlags.MayUnmap : RequestFlags.None;
                await node.WriteZeroesAsync(range, flags);
                break;
            case 2:
                await node.FlushAsync();
                break;
            default:
                byte[] read = new byte[length];
                await node.ReadAsync(offset, read);
                Assert.Equal(model[offset..(offset + length)], read);
                break;
        }
    }
}
