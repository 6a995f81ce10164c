using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Nbd.Tests.Support;

namespace Byre.Nbd.Tests.Peers;

/// <summary>Our client on other people's servers.</summary>
public sealed class PeerServerTests
{
    [PeerFact("nbdkit")]
    public async Task The_client_uses_nbdkit()
    {
        using var directory = new TempDirectory();
        string socket = directory["s"];
        await CheckAsync(directory, "nbdkit", "-P", directory["pid"], "-U", socket, "memory", "8M");
    }

    [PeerFact("nbdkit")]
    public async Task The_client_uses_a_server_without_structured_replies()
    {
        using var directory = new TempDirectory();
        string socket = directory["s"];
        await CheckAsync(directory, "nbdkit", "-P", directory["pid"], "-U", socket, "--no-sr", "memory", "8M");
    }

    [PeerFact("nbdkit")]
    public async Task The_client_obeys_block_sizes()
    {
        using var directory = new TempDirectory();
        string socket = directory["s"];
        await CheckAsync(
            directory,
            "nbdkit", "-P", directory["pid"], "-U", socket, "--filter=blocksize-policy", "memory", "8M",
            "blocksize-minimum=4096",
            "blocksize-preferred=65536", "blocksize-maximum=1M", "blocksize-error-policy=error");
    }

    [PeerFact("qemu-nbd", "qemu-img")]
    public async Task The_client_uses_qemu_nbd()
    {
        using var directory = new TempDirectory();
        Tools.Check("qemu-img", "create", "-q", "-f", "qcow2", directory["image"], "8M");
        await CheckAsync(
            directory,
            "qemu-nbd",
            "--fork", "--pid-file", directory["pid"], "-k", directory["s"], "-f", "qcow2", directory["image"]);
    }

    private static async Task CheckAsync(TempDirectory directory, string program, params string[] arguments)
    {
        Tools.Check(program, arguments);
        try
        {
            await using BlockNode node = await Images.OpenAsync(
                "", ("driver", "nbd"), ("path", directory["s"]), ("open-timeout", "10"));
            byte[] data = new byte[300_000];
            new Random(3).NextBytes(data);
            await node.WriteAsync(1_000_001, data);
            await node.WriteZeroesAsync(new ByteRange(1_100_000, 1000));
            data.AsSpan(99_999, 1000).Clear();
            byte[] read = new byte[data.Length];
            await node.ReadAsync(1_000_001, read);
            Assert.Equal(data, read);
            await node.FlushAsync();
            await node.DiscardAsync(new ByteRange(0, 65536));
            BlockExtent last = await node.GetStatusAsync(new ByteRange((8 << 20) - 4096, 4096));
            Assert.Equal(4096, last.Length);
        }
        finally
        {
            // qemu-nbd ends with its last client.
            Tools.Run("kill", (await File.ReadAllTextAsync(directory["pid"])).Trim());
        }
    }
}
