using System.Text;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Check;
using Byre.Qcow2.Tests.Compression;

namespace Byre.Qcow2.Tests.Check;

/// <summary>
/// Images made to hurt: a check ends with a report or a <see cref="BlockException"/>, in bounded memory.
/// </summary>
public sealed class HostileImageTests
{
    [PeerTheory("qemu-img", "qemu-io")]
    [InlineData("compat=1.1")]
    [InlineData("cluster_size=512")]
    [InlineData("cluster_size=16k,extended_l2=on")]
    [InlineData("cluster_size=1k,refcount_bits=2")]
    [InlineData("cluster_size=4k,refcount_bits=64")]
    public async Task RandomMetadataNeverBreaksTheChecker(string options)
    {
        using TestImage image = CreateVaried(options);
        byte[] original = await File.ReadAllBytesAsync(image.Path);
        long snapshots = (long)image.Read64(64);
        long[] places = [0, image.L1, image.RefcountTable, image.FirstRefcountBlock, image.L2(), snapshots];
        for (int seed = 0; seed < 40; seed++)
        {
            byte[] damaged = (byte[])original.Clone();
            Damage(damaged, places, new Random(seed));
            foreach (RepairMode repair in Enum.GetValues<RepairMode>())
            {
                await File.WriteAllBytesAsync(image.Path, damaged);
                await CheckTwiceAsync(image.Path, repair);
            }
        }
    }

    /// <summary>The same damages, counted by the peer as well.</summary>
    [PeerTheory("qemu-img", "qemu-io")]
    [InlineData("compat=1.1")]
    [InlineData("cluster_size=512")]
    [InlineData("cluster_size=16k,extended_l2=on")]
    public async Task RandomMetadataIsReportedAsThePeerReportsIt(string options)
    {
        using TestImage image = CreateVaried(options);
        byte[] original = await File.ReadAllBytesAsync(image.Path);
        long[] places = [image.L1, image.RefcountTable, image.FirstRefcountBlock, image.L2()];
        for (int seed = 100; seed < 112; seed++)
        {
            byte[] damaged = (byte[])original.Clone();
            Damage(damaged, places, new Random(seed));
            await File.WriteAllBytesAsync(image.Path, damaged);
            string peer = CheckProgram.RunPeer(image.Path).ToString();
            Assert.Equal(peer, (await CheckProgram.RunOursAsync(image.Path)).ToString());
        }
    }

    [PeerFact]
    public async Task ClaimsDoNotCostMemory()
    {
        using var image = new TestImage("1M", "cluster_size=64k");
        image.Poke32(36, 1 << 22).Poke32(56, 128).Poke32(60, 65536);
        long before = GC.GetTotalAllocatedBytes();
        await CheckTwiceAsync(image.Path, RepairMode.None);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 80L << 20);
    }

    [PeerFact]
    public async Task AnUnreadableL2TableEndsTheCheck()
    {
        using TestImage image = new TestImage().Io("write 0 1M");
        long table = image.L2();
        await using var file = new PlainFileNode(image.Path, writable: false)
        {
            OnRead = range => ThrowAt(range, table),
        };
        var findings = new StringBuilder();
        BlockException error = await Assert.ThrowsAsync<BlockException>(
            () => CheckProgram.CheckAsync(file, RepairMode.None, findings));
        Assert.Equal(Errno.InputOutput, error.Errno);
        Assert.Equal("ERROR: I/O error in check_refcounts_l2\n", findings.ToString());
    }

    [PeerFact]
    public async Task AnUnreadableRefcountBlockIsReportedForEachCluster()
    {
        using TestImage image = new TestImage("1M").Io("write 0 64k");
        long block = image.FirstRefcountBlock;
        await using var file = new PlainFileNode(image.Path, writable: false)
        {
            OnRead = range => ThrowAt(range, block),
        };
        var findings = new StringBuilder();
        CheckReport report = await CheckProgram.CheckAsync(file, RepairMode.None, findings);
        Assert.Equal(6, report.CheckErrors);
        Assert.Equal(1, report.ExitStatus);
        Assert.StartsWith(
            "Can't get refcount for cluster 0: Input/output error\n", findings.ToString(), StringComparison.Ordinal);
    }

    [PeerFact]
    public async Task FindingsDoNotDependOnThreads()
    {
        using TestImage image = new TestImage("1G", "cluster_size=4k")
            .Io("write 0 3M", "write 100M 3M", "write -c 500M 2M");
        long l2 = image.L2();
        for (int i = 0; i < 40; i++)
            image.Poke64(l2 + (8 * i), (ulong)(i * 0x1357) << 9);
        for (int i = 300; i < 320; i++)
            image.Poke64(image.L1 + (8 * i), (1UL << 63) | ((ulong)i << 12));
        var one = new StringBuilder();
        CheckReport alone = await CheckProgram.CheckAsync(image.Path, RepairMode.None, one, parallelism: 1);
        var four = new StringBuilder();
        CheckReport together = await CheckProgram.CheckAsync(image.Path, RepairMode.None, four, parallelism: 4);
        Assert.Equal(one.ToString(), four.ToString());
        Assert.Equal(alone, together);
    }

    private static TestImage CreateVaried(string options) =>
        new TestImage("4M", options)
            .Io("write 0 200k", "write -z 64k 16k", "write 1M 40k").Snapshot("s")
            .Io("write 20k 20k");

    private static void Damage(byte[] image, long[] places, Random random)
    {
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            // The header proper is parsed before a check begins: only its pointers are touched.
            long place = places[random.Next(places.Length)];
            long at = place == 0 ? 36 + (4 * random.Next(9)) : place + random.Next(512);
            if (at < image.Length)
                image[at] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(image[at] ^ (1 << random.Next(8)));
        }
    }

    private static async Task CheckTwiceAsync(string path, RepairMode repair)
    {
        try
        {
            await CheckProgram.CheckAsync(path, repair, new StringBuilder());
            await CheckProgram.CheckAsync(path, RepairMode.None, new StringBuilder());
        }
        catch (BlockException)
        {
            // A refusal is an answer.
        }
    }

    private static void ThrowAt(ByteRange range, long offset)
    {
        if (range.Offset == offset)
            throw BlockException.FromErrno(Errno.InputOutput);
    }
}
