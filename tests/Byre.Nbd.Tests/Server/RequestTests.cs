using System.Buffers.Binary;
using Byre.Block.Graph;
using Byre.Nbd.Protocol;
using Byre.Nbd.Tests.Support;

namespace Byre.Nbd.Tests.Server;

/// <summary>Requests, right and wrong, byte by byte.</summary>
public sealed class RequestTests
{
    private const int SizeBytes = 1 << 20;

    [Fact]
    public async Task What_is_written_is_read_in_every_mode()
    {
        await using TestServer server = await TestServer.StartAsync(SizeBytes);
        OptionCode[][] ways = [[], [OptionCode.StructuredReply], [OptionCode.ExtendedHeaders]];
        for (int i = 0; i < ways.Length; i++)
        {
            NbdMode mode = NbdMode.Simple + i;
            using RawClient client = server.Connect().Go(ways[i]);
            byte[] data = [.. Enumerable.Range(1, 200_000).Select(n => (byte)(n * 31 >> 3))];
            CommandFlags payload = mode >= NbdMode.Extended ? CommandFlags.PayloadLength : CommandFlags.None;
            client.SendRequest(new RequestHeader(CommandCode.Write, payload, 1, 4096, (ulong)data.Length), mode);
            client.Send(data);
            if (mode >= NbdMode.Extended)
                Assert.Equal(ReplyCode.None, client.ReadChunk(mode).Type);
            else
                Assert.Equal(0u, client.ReadSimple(1));
            var read = new RequestHeader(CommandCode.Read, 0, 2, 4097, 100_000);
            client.SendRequest(read, mode);
            Assert.Equal(data[1..100_001], ReadData(client, mode));
        }
    }

    [Fact]
    public async Task Zeroes_are_answered_as_a_hole_unless_that_is_forbidden()
    {
        await using TestServer server = await TestServer.StartAsync(SizeBytes);
        using RawClient client = server.Connect().Go(OptionCode.StructuredReply);
        foreach (uint length in (uint[])[512, 200_000])
        {
            client.SendRequest(new RequestHeader(CommandCode.Read, 0, 1, 0, length));
            Assert.Equal(ReplyCode.OffsetHole, client.ReadChunk(NbdMode.Structured).Type);
            client.SendRequest(new RequestHeader(CommandCode.Read, CommandFlags.DoNotFragment, 1, 0, length));
            (ReplyCode type, bool isLast, byte[] payload) = client.ReadChunk(NbdMode.Structured);
            Assert.Equal((ReplyCode.OffsetData, true, 8 + (int)length), (type, isLast, payload.Length));
        }
    }

    [Theory]
    [InlineData((int)CommandCode.Read, 0, SizeBytes, 1)]
    [InlineData((int)CommandCode.Read, 0, SizeBytes - 1, 2)]
    [InlineData((int)CommandCode.Read, 0, ulong.MaxValue, 1)]
    [InlineData((int)CommandCode.Read, 0, 0, (32 << 20) + 1)]
    [InlineData((int)CommandCode.Read, 8, 0, 1)]
    [InlineData((int)CommandCode.Trim, 0, SizeBytes, 512)]
    [InlineData((int)CommandCode.WriteZeroes, 0, 0, SizeBytes + 1)]
    [InlineData((int)CommandCode.WriteZeroes, 4, 0, 512)]
    [InlineData((int)CommandCode.BlockStatus, 0, 0, 512)]
    [InlineData((int)CommandCode.Cache, 0, SizeBytes, 1)]
    [InlineData((int)CommandCode.Flush, 16, 0, 0)]
    [InlineData(99, 0, 0, 0)]
    public async Task A_wrong_request_is_answered_with_an_error_and_the_client_goes_on(
        int command, int flags, ulong offset, uint length)
    {
        await using TestServer server = await TestServer.StartAsync(SizeBytes);
        foreach (bool isStructured in (bool[])[false, true])
        {
            using RawClient client = server.Connect().Go(isStructured ? [OptionCode.StructuredReply] : []);
            client.SendRequest(new RequestHeader((CommandCode)command, (CommandFlags)flags, 5, offset, length));
            uint error = isStructured ? client.ReadErrorChunk(NbdMode.Structured).Error : client.ReadSimple(5);
            Assert.Equal(NbdError.Invalid, error);
            client.SendRequest(new RequestHeader(CommandCode.Flush, 0, 6, 0, 0));
            Assert.Equal(0u, client.ReadSimple(6));
        }
    }

    [Fact]
    public async Task A_write_that_is_too_long_is_answered_and_ends_the_connection()
    {
        await using TestServer server = await TestServer.StartAsync(SizeBytes);
        using RawClient client = server.Connect().Go();
        client.SendRequest(new RequestHeader(CommandCode.Write, 0, 5, 0, (32 << 20) + 1));
        Assert.Equal(NbdError.Invalid, client.ReadSimple(5));
        client.ExpectEnd();
    }

    [Fact]
    public async Task A_wrong_magic_ends_the_connection()
    {
        await using TestServer server = await TestServer.StartAsync(SizeBytes);
        using RawClient client = server.Connect().Go();
        client.Send(new byte[28]).ExpectEnd();
        Assert.Contains("invalid magic (got 0x0, expected 0x25609513)", (await server.ReadLogAsync(1))[0]);
    }

    [Fact]
    public async Task A_read_only_export_refuses_changes()
    {
        await using TestServer server = await TestServer.StartAsync(SizeBytes, isReadOnly: true);
        using RawClient client = server.Connect().Go(OptionCode.StructuredReply);
        client.SendRequest(new RequestHeader(CommandCode.Write, 0, 1, 0, 4)).Send(new byte[4]);
        Assert.Equal("Export is read-only", client.ReadErrorChunk(NbdMode.Structured).Text);
        client.SendRequest(new RequestHeader(CommandCode.Trim, 0, 2, 0, 512));
        Assert.Equal("Export is read-only", client.ReadErrorChunk(NbdMode.Structured).Text);
    }

    [Fact]
    public async Task A_client_may_leave_anywhere_in_a_request()
    {
        await using TestServer server = await TestServer.StartAsync(SizeBytes);
        byte[] request = new byte[28 + 600];
        new RequestHeader(CommandCode.Write, 0, 1, 0, 600).Write(request, NbdMode.Simple);
        for (int length = 0; length <= request.Length; length += length < 30 ? 1 : 99)
        {
            using RawClient client = server.Connect().Go();
            client.Send(request[..length]);
        }

        using RawClient patient = server.Connect().Go();
        patient.SendRequest(new RequestHeader(CommandCode.Flush, 0, 6, 0, 0));
        Assert.Equal(0u, patient.ReadSimple(6));
    }

    [Fact]
    public async Task A_client_that_takes_no_answers_is_bounded_and_holds_up_nobody()
    {
        await using TestServer server = await TestServer.StartAsync(SizeBytes);
        using RawClient greedy = server.Connect().Go();
        for (uint i = 0; i < 300; i++)
            greedy.SendRequest(new RequestHeader(CommandCode.Read, 0, i, 0, SizeBytes / 2));
        using RawClient other = server.Connect().Go();
        other.SendRequest(new RequestHeader(CommandCode.Read, 0, 9, 0, 512));
        Assert.Equal(0u, other.ReadSimple(9));
        Assert.True(server.Server.Exports[0].Statistics.InFlight <= NbdLimits.MaxRequestsInFlight + 1);
        for (int i = 0; i < 300; i++)
        {
            greedy.Read(16);
            greedy.Read(SizeBytes / 2);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_may_ask_on_while_its_answers_wait_and_gets_them_all(bool isFile)
    {
        const int Parts = 16;
        const int PartBytes = SizeBytes / Parts;
        using var directory = new TempDirectory();
        string image = directory["image.qcow2"];
        await Images.CreateAsync("qcow2", image, SizeBytes);
        BlockNode node = isFile ? await Images.OpenAsync(image) : await Images.OpenMemoryAsync(SizeBytes);
        await using TestServer server = await TestServer.StartAsync([("", node)]);
        byte[] data = [.. Enumerable.Range(0, SizeBytes).Select(n => (byte)(n * 31 >> 7))];
        using RawClient client = server.Connect().Go();
        client.SendRequest(new RequestHeader(CommandCode.Write, 0, 1, 0, SizeBytes)).Send(data);
        Assert.Equal(0u, client.ReadSimple(1));

        // More than the socket holds, in one piece and in many; each is asked for while others wait.
        client.SendRequest(new RequestHeader(CommandCode.Read, 0, Parts, 0, SizeBytes));
        for (ulong part = 0; part < Parts; part++)
        {
            client.SendRequest(new RequestHeader(CommandCode.Read, 0, part, part * PartBytes, PartBytes));
            await Task.Delay(part % 4 == 3 ? 5 : 0);
        }

        for (int i = 0; i <= Parts; i++)
        {
            byte[] header = client.Read(16);
            int part = (int)BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(8));
            int bytes = part == Parts ? SizeBytes : PartBytes;
            int start = part == Parts ? 0 : part * PartBytes;
            Assert.True(data.AsSpan(start, bytes).SequenceEqual(client.Read(bytes)));
        }
    }

    [Fact]
    public async Task Sixty_four_clients_at_once_are_all_served()
    {
        await using TestServer server = await TestServer.StartAsync(64 << 12);
        Task[] clients = [.. Enumerable.Range(0, 64).Select(number => Task.Run(() => UseSlot(server, number)))];
        await Task.WhenAll(clients);
        Assert.Equal(64 * 20, server.Server.Exports[0].Statistics.Requests((int)CommandCode.Write));
    }

    private static void UseSlot(TestServer server, int number)
    {
        using RawClient client = server.Connect().Go();
        for (uint round = 0; round < 20; round++)
        {
            byte[] data = new byte[4096];
            Array.Fill(data, (byte)(number + round));
            ulong offset = (ulong)number << 12;
            client.SendRequest(new RequestHeader(CommandCode.Write, 0, round, offset, 4096)).Send(data);
            client.SendRequest(new RequestHeader(CommandCode.Flush, 0, 1000 + round, 0, 0));
            // The two are in flight together and may be answered in any order.
            client.Read(16);
            client.Read(16);
            client.SendRequest(new RequestHeader(CommandCode.Read, 0, round, offset, 4096));
            Assert.Equal(0u, client.ReadSimple(round));
            Assert.Equal(data, client.Read(4096));
        }
    }

    private static byte[] ReadData(RawClient client, NbdMode mode)
    {
        if (mode == NbdMode.Simple)
        {
            Assert.Equal(0u, client.ReadSimple(2));
            return client.Read(100_000);
        }

        byte[] data = new byte[100_000];
        while (true)
        {
            (ReplyCode type, bool isLast, byte[] payload) = client.ReadChunk(mode);
            Assert.Equal(ReplyCode.OffsetData, type);
            payload.AsSpan(8).CopyTo(data.AsSpan((int)BinaryPrimitives.ReadUInt64BigEndian(payload) - 4097));
            if (isLast)
                return data;
        }
    }
}
