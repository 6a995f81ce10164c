using System.Text;
using Byre.Nbd.Protocol;
using Byre.Nbd.Server;
using Byre.Nbd.Tests.Support;

namespace Byre.Nbd.Tests.Server;

/// <summary>What the server answers to right and wrong options, and whom it throws out.</summary>
public sealed class HandshakeTests
{
    [Fact]
    public async Task A_list_names_every_export()
    {
        await using TestServer server = await TestServer.StartAsync(
            [("one", await Images.OpenMemoryAsync(4096)), ("two", await Images.OpenMemoryAsync(8192))]);
        using RawClient client = server.Connect().Greet().SendOption(OptionCode.List);
        Assert.Equal("\0\0\0\u0003onea disk", Encoding.UTF8.GetString(client.ReadReply(OptionCode.List).Payload));
        Assert.Equal("\0\0\0\u0003twoa disk", Encoding.UTF8.GetString(client.ReadReply(OptionCode.List).Payload));
        Assert.Equal(OptionReplyCode.Acknowledge, client.ReadReply(OptionCode.List).Type);
    }

    [Fact]
    public async Task The_oldest_way_to_choose_an_export_works()
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawClient client = server.Connect().Greet(flags: 1).SendOption(OptionCode.ExportName);
        Assert.Equal(RawClient.Number(1ul << 20), client.Read(8));
        client.Read(2 + 124);
        client.SendRequest(new RequestHeader(CommandCode.Read, 0, 7, 512, 1));
        Assert.Equal(0u, client.ReadSimple(7));
        Assert.Equal([0], client.Read(1));
    }

    [Theory]
    [InlineData((uint)OptionCode.List, 5, (uint)OptionReplyCode.Invalid)]
    [InlineData((uint)OptionCode.StructuredReply, 1, (uint)OptionReplyCode.Invalid)]
    [InlineData((uint)OptionCode.ExtendedHeaders, 1, (uint)OptionReplyCode.Invalid)]
    [InlineData((uint)OptionCode.StartTls, 0, (uint)OptionReplyCode.Policy)]
    [InlineData((uint)OptionCode.StartTls, 3, (uint)OptionReplyCode.Invalid)]
    [InlineData((uint)OptionCode.Go, 0, (uint)OptionReplyCode.Invalid)]
    [InlineData((uint)OptionCode.Info, 3, (uint)OptionReplyCode.Invalid)]
    [InlineData((uint)OptionCode.SetMetaContext, 8, (uint)OptionReplyCode.Invalid)]
    [InlineData((uint)OptionCode.ListMetaContext, 3, (uint)OptionReplyCode.Invalid)]
    [InlineData((uint)OptionCode.Go, 2_000_000, (uint)OptionReplyCode.Invalid)]
    [InlineData(4u, 0, (uint)OptionReplyCode.Unsupported)]
    [InlineData(4711u, 100_000, (uint)OptionReplyCode.Unsupported)]
    public async Task A_wrong_option_is_refused_and_the_client_may_go_on(
        uint option, int payloadBytes, uint expected)
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawClient client = server.Connect().Greet().SendOption((OptionCode)option, new byte[payloadBytes]);
        Assert.Equal(expected, (uint)client.ReadReply((OptionCode)option).Type);
        client.SendOption(OptionCode.Abort);
        Assert.Equal(OptionReplyCode.Acknowledge, client.ReadReply(OptionCode.Abort).Type);
        client.ExpectEnd();
    }

    [Fact]
    public async Task An_export_that_is_not_there_is_refused_with_its_name()
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawClient client = server.Connect().Greet();
        client.SendOption(OptionCode.Go, [.. RawClient.Number(2u), (byte)'n', (byte)'o', 0, 0]);
        (OptionReplyCode type, byte[] text) = client.ReadReply(OptionCode.Go);
        Assert.Equal(OptionReplyCode.Unknown, type);
        Assert.Equal("export 'no' not present", Encoding.UTF8.GetString(text));
    }

    [Fact]
    public async Task Structured_replies_after_extended_headers_are_refused()
    {
        await using TestServer server = await TestServer.StartAsync();
        using RawClient client = server.Connect().Greet().SendOption(OptionCode.ExtendedHeaders);
        Assert.Equal(OptionReplyCode.Acknowledge, client.ReadReply(OptionCode.ExtendedHeaders).Type);
        client.SendOption(OptionCode.StructuredReply);
        Assert.Equal(
            OptionReplyCode.ExtendedHeadersRequired, client.ReadReply(OptionCode.StructuredReply).Type);
    }

    [Fact]
    public async Task Garbage_ends_the_connection_and_disturbs_nobody()
    {
        await using TestServer server = await TestServer.StartAsync();
        byte[] option = [.. RawClient.Number(NbdMagic.Option)];
        byte[][] garbage =
        [
            RawClient.Number(0xffffffff),
            [.. RawClient.Number(3u), .. "GET / HTTP/1.1\r\n\r\n"u8],
            [.. RawClient.Number(3u), .. option, .. RawClient.Number(7u), .. RawClient.Number(0xffffffffu)],
            [.. RawClient.Number(0u), .. option, .. RawClient.Number(3u), .. RawClient.Number(0u)],
            [.. RawClient.Number(3u), .. option, .. RawClient.Number(1u), .. RawClient.Number(5000u)],
            [.. RawClient.Number(3u), .. option, .. RawClient.Number(1u), .. RawClient.Number(1u), (byte)'x'],
        ];
        foreach (byte[] bytes in garbage)
        {
            using RawClient client = server.Connect();
            client.Read(18);
            client.Send(bytes).ExpectEnd();
        }

        using RawClient other = server.Connect().Go();
        await server.ReadLogAsync(garbage.Length);
    }

    [Fact]
    public async Task A_client_may_leave_anywhere_in_the_handshake()
    {
        await using TestServer server = await TestServer.StartAsync();
        byte[] handshake =
        [
            .. RawClient.Number(3u), .. RawClient.Number(NbdMagic.Option), .. RawClient.Number((uint)OptionCode.Go),
            .. RawClient.Number(6u), 0, 0, 0, 0, 0, 0,
        ];
        for (int length = 0; length <= handshake.Length; length++)
        {
            using RawClient client = server.Connect();
            client.Send(handshake[..length]);
        }

        using RawClient other = server.Connect().Go();
    }

    [Fact]
    public async Task A_silent_client_is_thrown_out_and_holds_up_nobody()
    {
        var options = new NbdServerOptions { HandshakeLimit = TimeSpan.FromSeconds(1) };
        await using TestServer server = await TestServer.StartAsync(1 << 20, options);
        using RawClient silent = server.Connect();
        using RawClient halfway = server.Connect().Greet();
        using RawClient busy = server.Connect().Go();
        silent.ExpectEnd();
        halfway.ExpectEnd();
        busy.SendRequest(new RequestHeader(CommandCode.Flush, 0, 1, 0, 0));
        Assert.Equal(0u, busy.ReadSimple(1));
    }

    [Fact]
    public async Task A_client_too_many_waits_until_there_is_a_place()
    {
        await using TestServer server = await TestServer.StartAsync(1 << 20, new NbdServerOptions { MaxClients = 1 });
        RawClient first = server.Connect().Go();
        using RawClient second = server.Connect();
        await Task.Delay(100);
        first.Dispose();
        second.Go();
    }
}
