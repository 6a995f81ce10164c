using System.Text;
using Byre.Block.Errors;
using Byre.Qcow2.Check;
using Byre.Qcow2.Tests.Compression;

namespace Byre.Qcow2.Tests.Check;

/// <summary>What a repair must never do: lose guest data, go on for ever, or be left half done by a crash.</summary>
public sealed class RepairSafetyTests
{
    private static readonly Dictionary<string, Action<TestImage>> Damages = new(StringComparer.Ordinal)
    {
        ["leaks"] = image => image.Poke16(image.FirstRefcountBlock + 100, 3).Poke16(image.FirstRefcountBlock + 102, 1),
        ["rebuild"] = image => image.Poke(image.FirstRefcountBlock, new byte[64]),
        ["no refcount structure"] = image => image.Poke64(image.RefcountTable, 0),
        ["block unaligned"] = image => image.Poke64(image.RefcountTable, 0x20200),
        ["block unaligned beyond the file"] = image => image.Poke64(image.RefcountTable, 0xffff2a00),
        ["block with reserved bits"] = image => image.Poke64(image.RefcountTable, 0x20001),
        ["flags"] = image => image
            .Poke64(image.L1, (ulong)image.L2())
            .Poke64(image.L2(), image.Read64(image.L2()) ^ (1UL << 63)),
        ["counts wrong"] = image => image
            .Poke16(image.FirstRefcountBlock + 12, 1)
            .Poke16(image.FirstRefcountBlock + 14, 9),
        ["snapshot records"] = image => image.Poke32((long)image.Read64(64) + 36, 8),
        ["everything"] = image => image
            .Poke(image.FirstRefcountBlock, new byte[64])
            .Poke64(image.L1, (ulong)image.L2())
            .Poke64(72, 3),
    };

    public static IEnumerable<object[]> Names => Damages.Keys.Select(name => new object[] { name });

    [PeerTheory("qemu-img", "qemu-io")]
    [MemberData(nameof(Names))]
    public async Task RepairKeepsGuestDataAndIsDoneOnce(string name)
    {
        using TestImage image = Create();
        string original = image.Copy("original.qcow2");
        Damages[name](image);
        CheckOutcome repaired = await CheckProgram.RunOursAsync(image.Path, RepairMode.All);
        Assert.True(repaired.ExitStatus == 0, repaired.ToString());
        Assert.Equal(0, CheckProgram.RunPeer(image.Path).ExitStatus);
        AssertSameGuestData(original, image.Path);

        byte[] before = await File.ReadAllBytesAsync(image.Path);
        CheckReport again = await CheckProgram.CheckAsync(image.Path, RepairMode.All, new StringBuilder());
        Assert.False(again.NeedsSecondCheck);
        Assert.Equal(before, await File.ReadAllBytesAsync(image.Path));
    }

    /// <summary>
    /// A repair is cut off at every point; of what was written since the last barrier, any part may have reached the
    /// disk.
    /// </summary>
    [PeerTheory("qemu-img", "qemu-io")]
    [MemberData(nameof(Names))]
    public async Task RepairCanBeCutOffAnywhere(string name)
    {
        using TestImage image = Create();
        string original = image.Copy("original.qcow2");
        Damages[name](image);
        List<(long Offset, byte[] Bytes)?> log = await RecordRepairAsync(image.Copy("recorded.qcow2"));
        var random = new Random(11);
        for (int end = 1; end <= log.Count; end++)
        {
            string crashed = image.Copy("crashed.qcow2");
            Replay(log.GetRange(0, end), crashed, random);
            CheckOutcome repaired = await CheckProgram.RunOursAsync(crashed, RepairMode.All);
            Assert.True(repaired.ExitStatus == 0, $"cut after {end} of {log.Count}: {repaired}");
            if (end % 4 == 1)
                AssertSameGuestData(original, crashed);
        }
    }

    /// <summary>
    /// Entries that lead beyond the end of a cut file stay as they are; the rebuilt structure must not be put where
    /// they lead, or the guest would write over it.
    /// </summary>
    [PeerFact]
    public async Task ARebuildKeepsAwayFromDanglingEntries()
    {
        using TestImage image = new TestImage().Io("write -P 1 0 1M");
        image.Truncate(image.LengthBytes - (3 * image.ClusterSize));
        image.Poke(image.FirstRefcountBlock, new byte[64]);
        CheckOutcome repaired = await CheckProgram.RunOursAsync(image.Path, RepairMode.All);
        Assert.DoesNotContain("refcount block", repaired.Errors, StringComparison.Ordinal);

        // The file reaches beyond the dangling entries now: they can be counted, and lead to zeroes.
        CheckOutcome again = await CheckProgram.RunOursAsync(image.Path, RepairMode.All);
        Assert.True(again.ExitStatus == 0, again.ToString());
        image.Io("write -P 7 0 1M", "write -P 8 4M 1M", "read -P 7 0 1M", "read -P 8 4M 1M");
        Assert.Equal(0, CheckProgram.RunPeer(image.Path).ExitStatus);
    }

    [PeerFact]
    public async Task AFailingWriteEndsTheRepair()
    {
        using TestImage image = Create();
        image.Poke(image.FirstRefcountBlock, new byte[64]);
        byte[] before = await File.ReadAllBytesAsync(image.Path);
        await using var file = new PlainFileNode(image.Path, writable: true)
        {
            OnWrite = (_, _) => throw BlockException.FromErrno(Errno.NoSpace),
        };
        var findings = new StringBuilder();
        BlockException error = await Assert.ThrowsAsync<BlockException>(
            () => CheckProgram.CheckAsync(file, RepairMode.All, findings));
        Assert.Equal(Errno.NoSpace, error.Errno);
        Assert.EndsWith(
            "qemu-img: ERROR writing refblock: No space left on device\n",
            findings.ToString(),
            StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(image.Path));
    }

    private static TestImage Create() =>
        new TestImage()
            .Io("write -P 1 0 1M", "write -P 2 4M 100k").Snapshot("one")
            .Io("write -P 3 64k 128k", "write -P 4 8M 64k");

    private static void AssertSameGuestData(string expected, string actual) =>
        CheckProgram.Must("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", expected, actual);

    /// <summary>Repairs and keeps the writes, with null for each barrier.</summary>
    private static async Task<List<(long Offset, byte[] Bytes)?>> RecordRepairAsync(string path)
    {
        var log = new List<(long Offset, byte[] Bytes)?>();
        await using var file = new PlainFileNode(path, writable: true)
        {
            OnWrite = (offset, bytes) => log.Add((offset, bytes.ToArray())),
            OnFlush = () => log.Add(null),
        };
        CheckReport report = await CheckProgram.CheckAsync(file, RepairMode.All, new StringBuilder());
        Assert.Equal(0, report.Corruptions + report.Leaks);
        return log;
    }

    private static void Replay(List<(long Offset, byte[] Bytes)?> log, string path, Random random)
    {
        int stable = log.LastIndexOf(null) + 1;
        using FileStream stream = File.OpenWrite(path);
        for (int i = 0; i < log.Count; i++)
        {
            if (log[i] is not { } write || (i >= stable && random.Next(2) == 0))
                continue;
            stream.Position = write.Offset;
            stream.Write(write.Bytes);
        }
    }
}
