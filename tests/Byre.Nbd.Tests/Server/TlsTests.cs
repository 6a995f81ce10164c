using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Nbd.Client;
using Byre.Nbd.Protocol;
using Byre.Nbd.Server;
using Byre.Nbd.Tests.Support;
using Byre.Nbd.Tls;

namespace Byre.Nbd.Tests.Server;

/// <summary>Encrypted connections: who gets in, who does not, and that nothing is served before.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly TestCertificates _ours = new();
    private readonly TestCertificates _others = new();

    [Fact]
    public async Task What_is_written_over_tls_is_read_over_tls()
    {
        await using TestServer server = await StartAsync();
        await using BlockNode node = await OpenAsync(server, _ours, "server");
        byte[] data = new byte[300_000];
        new Random(1).NextBytes(data);
        await node.WriteAsync(12_345, data);
        await Parallel.ForAsync(0, 64, async (_, cancellation) =>
        {
            byte[] read = new byte[data.Length];
            await node.ReadAsync(12_345, read, cancellation);
            Assert.Equal(data, read);
        });
    }

    [Fact]
    public async Task Nothing_is_served_before_tls()
    {
        await using TestServer server = await StartAsync();
        using RawClient client = server.Connect().Greet();
        foreach (OptionCode option in (OptionCode[])[OptionCode.List, OptionCode.Go, OptionCode.StructuredReply])
        {
            client.SendOption(option);
            Assert.Equal(OptionReplyCode.TlsRequired, client.ReadReply(option).Type);
        }

        client.SendOption(OptionCode.ExportName).ExpectEnd();
    }

    [Fact]
    public async Task A_client_without_tls_is_told_so()
    {
        await using TestServer server = await StartAsync();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await Images.OpenAsync(server.Uri));
        Assert.Equal("TLS negotiation required before option 7 (go)", failure.Message);
    }

    [Fact]
    public async Task A_client_of_another_authority_is_not_let_in()
    {
        await using TestServer server = await StartAsync();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await OpenAsync(server, _others, "server"));
        Assert.Equal("The certificate hasn't got a known issuer", failure.Message);
    }

    [Fact]
    public async Task A_server_with_another_name_is_not_trusted()
    {
        await using TestServer server = await StartAsync();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await OpenAsync(server, _ours, "elsewhere"));
        Assert.Equal("Certificate does not match the hostname elsewhere", failure.Message);
    }

    [Theory]
    [InlineData("CN=client", true)]
    [InlineData("CN=somebody", false)]
    public async Task Only_the_authorized_identity_is_let_in(string identity, bool isLetIn)
    {
        await using TestServer server = await StartAsync(identity);
        ValueTask<BlockNode> opening = OpenAsync(server, _ours, "server");
        if (isLetIn)
        {
            await using BlockNode node = await opening;
            await node.ReadAsync(0, new byte[512]);
            return;
        }

        await Assert.ThrowsAsync<BlockException>(async () => await opening);
        Assert.Contains("TLS x509 authz check for CN=client is denied", (await server.ReadLogAsync(1))[0]);
    }

    [PeerFact("qemu-img")]
    public async Task Qemu_img_gets_in()
    {
        await using TestServer server = await StartAsync();
        string folder = _ours.Write(_directory["qemu"], "client", "client");
        string info = Tools.Check(
            "qemu-img", "info", "--object", $"tls-creds-x509,id=tls0,endpoint=client,dir={folder}", "--image-opts",
            $"driver=nbd,path={server.Path},tls-creds=tls0,tls-hostname=server");
        Assert.Contains("virtual size: 1 MiB", info);
    }

    [Fact]
    public async Task A_name_says_that_and_how_a_connection_is_encrypted()
    {
        await using TestServer server = await StartAsync();
        string folder = Uri.EscapeDataString(_ours.Write(_directory["client"], "client", "client"));
        string name = $"nbds+unix:///?socket={server.Path}&tls-certificates={folder}";
        await using BlockNode node = await Images.OpenAsync(name + "&tls-hostname=server");
        await node.ReadAsync(0, new byte[512]);
        Assert.Equal(
            "Certificate does not match the hostname elsewhere",
            (await Assert.ThrowsAsync<BlockException>(
                async () => await Images.OpenAsync(name + "&tls-hostname=elsewhere"))).Message);
        await using BlockNode careless = await Images.OpenAsync(name + "&tls-verify-peer=false");
        await careless.ReadAsync(0, new byte[512]);
    }

    [Fact]
    public async Task An_encrypted_name_trusts_whom_the_system_trusts()
    {
        await using TestServer server = await StartAsync();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await Images.OpenAsync($"nbds+unix:///?socket={server.Path}&tls-hostname=server"));
        Assert.Equal("The certificate hasn't got a known issuer", failure.Message);
    }

    [Fact]
    public async Task An_encrypted_name_is_never_used_in_the_clear()
    {
        await using TestServer server = await TestServer.StartAsync();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await Images.OpenAsync($"nbds+unix:///?socket={server.Path}"));
        Assert.StartsWith("Denied by server for option 5 (starttls)", failure.Message);
    }

    [Theory]
    [InlineData("nbd+unix:///?socket=/s&tls-certificates=/x")]
    [InlineData("nbd://host/?tls-psk-file=/x")]
    [InlineData("nbds://host/?tls-verify-peer=maybe")]
    [InlineData("nbds://host/?socket=/s")]
    [InlineData("nbds+unix:///?tls-certificates=/x")]
    public async Task A_name_that_says_something_else_is_none(string name) => Assert.Equal(
        "No valid URL specified",
        (await Assert.ThrowsAsync<BlockException>(async () => await Images.OpenAsync(name))).Message);

    public void Dispose()
    {
        _ours.Dispose();
        _others.Dispose();
        _directory.Dispose();
    }

    private async Task<TestServer> StartAsync(string? identity = null)
    {
        string folder = _ours.Write(_directory["server"], "server", "server");
        var tls = new X509ServerTls(X509Credentials.Load(folder, isServer: true, verifiesPeer: true), identity);
        return await TestServer.StartAsync(1 << 20, new NbdServerOptions { Tls = tls });
    }

    private ValueTask<BlockNode> OpenAsync(TestServer server, TestCertificates authority, string hostName)
    {
        string folder = authority.Write(_directory["client"], "client", "client");
        var tls = new X509ClientTls(X509Credentials.Load(folder, isServer: false, verifiesPeer: true));
        var opener = new ImageOpener(new DriverRegistry(new RawDriver(), new NbdDriver(_ => tls)));
        var options = new OptionSet
        {
            ["driver"] = "nbd",
            ["path"] = server.Path,
            ["tls-creds"] = "tls0",
            ["tls-hostname"] = hostName,
        };
        return opener.OpenAsync(null, OpenFlags.ReadWrite, options);
    }
}
