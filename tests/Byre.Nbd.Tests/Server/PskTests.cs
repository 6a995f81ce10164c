using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Nbd.Client;
using Byre.Nbd.Server;
using Byre.Nbd.Tests.Support;
using Byre.Nbd.Tls;

namespace Byre.Nbd.Tests.Server;

/// <summary>Connections encrypted with pre-shared keys, among ourselves and with GnuTLS.</summary>
public sealed class PskTests : IDisposable
{
    private const string Key = "1ae04c8e2d29c0d809056992a4d89ff84d7c7a27589607252184321316719ad7";
    private const string OtherKey = "00112233445566778899aabbccddeeff";

    private readonly TempDirectory _directory = new();

    [Fact]
    public async Task What_is_written_is_read_by_many_at_a_time()
    {
        await using TestServer server = await StartAsync($"somebody:{OtherKey}\nlaptop:{Key}\n");
        await using BlockNode node = await OpenAsync(server, "laptop", Key);
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

    [Theory]
    [InlineData("laptop", OtherKey)]
    [InlineData("lapto", Key)]
    [InlineData("laptop:1ae0", Key)]
    public async Task Neither_another_key_nor_another_name_is_let_in(string name, string key)
    {
        await using TestServer server = await StartAsync($"laptop:{Key}\n");
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await OpenAsync(server, name, key));
        Assert.Equal("TLS handshake failed: The TLS connection was non-properly terminated.", failure.Message);
        Assert.Equal(
            ["option negotiation failed: TLS handshake failed: An illegal parameter has been received."],
            await server.ReadLogAsync(1));
    }

    [Fact]
    public async Task A_key_that_is_added_later_is_known()
    {
        await using TestServer server = await StartAsync($"laptop:{Key}\n");
        await File.AppendAllTextAsync(_directory["server/keys.psk"], $"late:{OtherKey}\n");
        await using BlockNode node = await OpenAsync(server, "late", OtherKey);
        await node.ReadAsync(0, new byte[512]);
    }

    [Fact]
    public async Task A_server_that_shows_a_certificate_instead_is_not_trusted()
    {
        using var certificates = new TestCertificates();
        string folder = certificates.Write(_directory["certificates"], "server", "server");
        var tls = new X509ServerTls(X509Credentials.Load(folder, isServer: true, verifiesPeer: false), identity: null);
        await using TestServer server = await TestServer.StartAsync(1 << 20, new NbdServerOptions { Tls = tls });
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await OpenAsync(server, "laptop", Key));
        Assert.StartsWith("TLS handshake failed: ", failure.Message);
    }

    [Fact]
    public async Task A_name_says_who_connects_with_which_key()
    {
        await using TestServer server = await StartAsync($"laptop:{Key}\n");
        string file = Uri.EscapeDataString(_directory["server/keys.psk"]);
        await using BlockNode node = await Images.OpenAsync(
            $"nbds+unix://laptop@/?socket={server.Path}&tls-psk-file={file}");
        await node.ReadAsync(0, new byte[512]);
    }

    [Fact]
    public void A_client_needs_its_key()
    {
        string folder = Write("client", $"laptop:{Key}\nbroken:xyz\n");
        Assert.Equal(
            $"Username qemu not found in PSK file {folder}/keys.psk",
            Assert.Throws<BlockException>(() => PskCredentials.LoadForClient(folder, null)).Message);
        Assert.Throws<BlockException>(() => PskCredentials.LoadForClient(folder, "broken"));
        Assert.Equal(
            $"Unable to access credentials {folder}/x/keys.psk: No such file or directory",
            Assert.Throws<BlockException>(() => PskCredentials.LoadForServer(folder + "/x")).Message);
    }

    [PeerFact("qemu-img")]
    public async Task Qemu_img_gets_in()
    {
        await using TestServer server = await StartAsync($"laptop:{Key}\n");
        string info = Tools.Check(
            "qemu-img", "info", "--object",
            $"tls-creds-psk,id=tls0,endpoint=client,username=laptop,dir={_directory["server"]}", "--image-opts",
            $"driver=nbd,path={server.Path},tls-creds=tls0");
        Assert.Contains("virtual size: 1 MiB", info);
    }

    [PeerFact("qemu-nbd")]
    public async Task We_get_into_qemu_nbd()
    {
        string folder = Write("server", $"laptop:{Key}\n");
        await File.WriteAllBytesAsync(_directory["disk"], new byte[1 << 20]);
        Tools.Check(
            "qemu-nbd", "--fork", "--pid-file", _directory["pid"], "-f", "raw", "-k", _directory["q"],
            "--tls-creds=tls0", "--object", $"tls-creds-psk,id=tls0,endpoint=server,dir={folder}", _directory["disk"]);
        try
        {
            await using BlockNode node = await OpenAsync(_directory["q"], "laptop", Key);
            byte[] data = new byte[100_000];
            new Random(2).NextBytes(data);
            await node.WriteAsync(1000, data);
            byte[] read = new byte[data.Length];
            await node.ReadAsync(1000, read);
            Assert.Equal(data, read);
        }
        finally
        {
            Tools.Run("kill", (await File.ReadAllTextAsync(_directory["pid"])).Trim());
        }
    }

    public void Dispose() => _directory.Dispose();

    private string Write(string side, string keys)
    {
        Directory.CreateDirectory(_directory[side]);
        File.WriteAllText(_directory[side + "/keys.psk"], keys);
        return _directory[side];
    }

    private async Task<TestServer> StartAsync(string keys)
    {
        var tls = new PskServerTls(PskCredentials.LoadForServer(Write("server", keys)));
        return await TestServer.StartAsync(1 << 20, new NbdServerOptions { Tls = tls });
    }

    private ValueTask<BlockNode> OpenAsync(TestServer server, string name, string key) =>
        OpenAsync(server.Path, name, key);

    private ValueTask<BlockNode> OpenAsync(string path, string name, string key)
    {
        string folder = Write("client", $"{name}:{key}\n");
        var tls = new PskClientTls(PskCredentials.LoadForClient(folder, name));
        var opener = new ImageOpener(new DriverRegistry(new RawDriver(), new NbdDriver(_ => tls)));
        var options = new OptionSet { ["driver"] = "nbd", ["path"] = path, ["tls-creds"] = "tls0" };
        return opener.OpenAsync(null, OpenFlags.ReadWrite, options);
    }
}
