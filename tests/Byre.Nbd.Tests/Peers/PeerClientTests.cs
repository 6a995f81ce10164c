using Byre.Nbd.Tests.Support;

namespace Byre.Nbd.Tests.Peers;

/// <summary>Other people's clients on our server.</summary>
public sealed class PeerClientTests
{
    private const int SizeBytes = 16 << 20;

    [PeerFact("nbdinfo")]
    public async Task Nbdinfo_sees_what_is_offered()
    {
        await using TestServer server = await StartImageAsync();
        string info = Tools.Check("nbdinfo", server.Uri);
        Assert.Contains("can_multi_conn: true", info);
        Assert.Contains("description: a disk", info);
        Assert.Contains("qemu:allocation-depth", info);
        string map = Tools.Check("nbdinfo", "--map", server.Uri);
        string[] words = map.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["0", "16777216", "3", "hole,zero"], words);
    }

    [PeerFact("nbdcopy")]
    public async Task Nbdcopy_copies_in_and_out()
    {
        using var directory = new TempDirectory();
        byte[] data = new byte[SizeBytes];
        new Random(7).NextBytes(data.AsSpan(1 << 20, 5 << 20));
        await File.WriteAllBytesAsync(directory["in"], data);
        await using TestServer server = await StartImageAsync();
        Tools.Check("nbdcopy", "--flush", directory["in"], server.Uri);
        Tools.Check("nbdcopy", server.Uri, directory["out"]);
        Assert.Equal(data, await File.ReadAllBytesAsync(directory["out"]));
    }

    [PeerFact("fio")]
    public async Task Fio_finds_what_it_wrote()
    {
        await using TestServer server = await StartImageAsync();
        Tools.Check(
            "fio", "--name=verify", "--ioengine=nbd", $"--uri={server.Uri}", "--rw=randwrite", "--bsrange=512-64k",
            "--iodepth=16", $"--size={SizeBytes}", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1",
            "--fsync=64");
    }

    [PeerFact("qemu-img", "qemu-io")]
    public async Task Qemus_tools_work_on_it()
    {
        using var directory = new TempDirectory();
        await using TestServer server = await StartImageAsync();
        string text = Tools.Check(
            "qemu-io", "-f", "raw", "-c", "write -P 5 1M 1M", "-c", "write -z 1536k 64k", "-c", "read -P 0 1536k 64k",
            "-c", "discard 4M 1M", "-c", "flush", "-c", "write -f -P 6 2M 4k", "-c", "read -P 5 1M 512k", server.Uri);
        Assert.DoesNotContain("failed", text);
        Tools.Check("qemu-img", "convert", "-O", "qcow2", server.Uri, directory["copy"]);
        Tools.Check("qemu-img", "compare", "-f", "raw", "-F", "qcow2", server.Uri, directory["copy"]);
    }

    [PeerFact("nbdsh")]
    public async Task Nbdsh_speaks_to_it_as_it_likes()
    {
        await using TestServer server = await StartImageAsync();
        string script = $"""
            h.add_meta_context("base:allocation")
            h.add_meta_context("qemu:allocation-depth")
            h.connect_uri("{server.Uri}")
            h.pwrite(b"x" * 131072, 65536, nbd.CMD_FLAG_FUA)
            seen = []
            h.block_status(1048576, 0, lambda name, offset, entries, error: seen.append((name, list(entries))))
            assert seen[0] == ("base:allocation", [65536, 3, 131072, 0, 851968, 3]), seen
            assert seen[1] == ("qemu:allocation-depth", [65536, 0, 131072, 1, 851968, 0]), seen
            chunks = []
            def chunk(data, offset, status, error):
                chunks.append((offset, len(data), status))
            h.pread_structured(262144, 0, chunk)
            assert len(chunks) == 3 and chunks[1] == (65536, 131072, nbd.READ_DATA), chunks
            h.zero(4096, 65536, nbd.CMD_FLAG_NO_HOLE)
            assert h.pread(4096, 65536) == bytearray(4096)
            h.trim(65536, 65536)
            h.cache(65536, 0)
            h.flush()
            h.shutdown()
            """;
        Tools.Check("nbdsh", "-c", script);
    }

    private static async Task<TestServer> StartImageAsync()
    {
        string image = Path.Combine(Path.GetTempPath(), $"byre-nbd-{Guid.NewGuid():N}.qcow2");
        await Images.CreateAsync("qcow2", image, SizeBytes);
        TestServer server = await TestServer.StartAsync([("", await Images.OpenAsync(image))]);
        // The file lives on, nameless, until the server closes it.
        File.Delete(image);
        return server;
    }
}
