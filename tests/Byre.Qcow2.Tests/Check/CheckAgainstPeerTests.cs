using Byre.Qcow2.Check;
using Byre.Qcow2.Tests.Compression;

namespace Byre.Qcow2.Tests.Check;

/// <summary>
/// Each damage is checked and repaired by both programs: what they print and how they exit must be equal.
/// </summary>
public sealed class CheckAgainstPeerTests
{
    private const ulong Copied = 1UL << 63;

    private static readonly Dictionary<string, Func<TestImage>> Damages = new(StringComparer.Ordinal)
    {
        ["empty"] = () => new TestImage(),
        ["version 2"] = () => new TestImage(options: "compat=0.10").Io("write 0 1M"),
        ["data"] = Data,
        ["size zero"] = () => new TestImage("0"),
        ["512-byte clusters"] = () => new TestImage("4M", "cluster_size=512").Io("write 0 1M", "write 2M 100k"),
        ["2 MiB clusters"] = () => new TestImage("64M", "cluster_size=2M").Io("write 0 5M"),
        ["64-bit refcounts"] = () => new TestImage("4M", "cluster_size=512,refcount_bits=64").Io("write 0 1M"),
        ["1-bit refcounts"] = () => new TestImage("4M", "cluster_size=512,refcount_bits=1").Io("write 0 1M"),
        ["2-bit refcounts, snapshot"] = () => new TestImage("4M", "refcount_bits=2").Io("write 0 1M").Snapshot("a"),
        ["8-bit refcounts, snapshot"] = () => new TestImage("4M", "refcount_bits=8").Io("write 0 1M").Snapshot("a"),
        ["32-bit refcounts"] = () => new TestImage("4M", "refcount_bits=32").Io("write 0 1M").Snapshot("a"),
        ["compressed"] = Compressed,
        ["snapshots"] = Snapshots,
        ["fragmented"] = () =>
            new TestImage().Io("write 1M 64k", "write 0 64k", "write 2M 64k", "write 128k 64k", "write 64k 64k"),
        ["zero clusters"] = ZeroClusters,
        ["extended L2"] = ExtendedL2,
        ["bitmaps"] = Bitmaps,
        ["data file"] = DataFile,
        ["data file raw"] = () => new TestImage(options: "data_file=DIR/data.raw,data_file_raw=on").Io("write 0 1M"),
        ["preallocated"] = () => new TestImage(options: "preallocation=metadata"),
        ["leak"] = () => With(Data(), i => i.Poke16(i.FirstRefcountBlock + 60, 1)),
        ["leaks in the file"] = () => With(Data(), i => i.Poke64(i.L2(), 0).Poke64(i.L2() + 24, 0)),
        ["count too high"] = () => With(Data(), i => i.Poke16(i.FirstRefcountBlock + 12, 7)),
        ["count too high beyond a byte"] = () => With(Data(), i => i.Poke16(i.FirstRefcountBlock + 12, 700)),
        ["count zero"] = () => With(Data(), i => i.Poke16(i.FirstRefcountBlock + 12, 0)),
        ["all counts zero"] = () => With(Data(), i => i.Poke(i.FirstRefcountBlock, new byte[65536])),
        ["count too low"] = () => With(Snapshots(), i => i.Poke16(i.FirstRefcountBlock + 12, 1)),
        ["counts all ones"] = () =>
            With(Data(), i => i.Poke(i.FirstRefcountBlock, [.. Enumerable.Repeat((byte)0xff, 64)])),
        ["copied flag missing in L1"] = () => With(Data(), i => i.Poke64(i.L1, (ulong)i.L2())),
        ["copied flag missing in L2"] = () => With(Data(), i => i.Poke64(i.L2(), i.Read64(i.L2()) & ~Copied)),
        ["copied flag too many"] = () => With(Snapshots(), i => i.Poke64(i.L2(), i.Read64(i.L2()) | Copied)),
        ["two entries, one cluster"] = () => With(Data(), i => i.Poke64(i.L2(), i.Read64(i.L2() + 8))),
        ["L2 entry at the header"] = () => With(Data(), i => i.Poke64(i.L2() + 800, Copied)),
        ["L2 entry at the L1 table"] = () => With(Data(), i => i.Poke64(i.L2() + 800, Copied | (ulong)i.L1)),
        ["L2 entry at a refcount block"] = () =>
            With(Data(), i => i.Poke64(i.L2() + 800, Copied | (ulong)i.FirstRefcountBlock)),
        ["L2 entry beyond the end"] = () => With(Data(), i => i.Poke64(i.L2() + 800, Copied | 0x10000000)),
        ["L2 entry far beyond the end"] = () => With(Data(), i => i.Poke64(i.L2() + 800, Copied | 0x00fffffffff00000)),
        ["L2 entry unaligned"] = () => With(Data(), i => i.Poke64(i.L2(), i.Read64(i.L2()) + 0x200)),
        ["zero cluster unaligned"] = () =>
            With(ZeroClusters(), i => i.Poke64(i.L2() + 8, (i.Read64(i.L2() + 8) + 0x200) | 1)),
        ["two zero clusters unaligned"] = () => With(
            ZeroClusters(),
            i => i.Poke64(i.L2() + 8, (i.Read64(i.L2() + 8) + 0x200) | 1).Poke64(i.L2() + 800, 0x30201)),
        ["reserved bits in L2"] = () => With(Data(), i => i.Poke64(i.L2(), i.Read64(i.L2()) | (1UL << 57) | 4)),
        ["reserved bits in an empty L2 entry"] = () => With(Data(), i => i.Poke64(i.L2() + 800, 2)),
        ["reserved bits in L1"] = () => With(Data(), i => i.Poke64(i.L1, i.Read64(i.L1) | 1 | (1UL << 60))),
        ["L1 entry unaligned"] = () => With(Data(), i => i.Poke64(i.L1, i.Read64(i.L1) + 0x200)),
        ["L1 entry beyond the end"] = () => With(Data(), i => i.Poke64(i.L1, Copied | 0x70000000)),
        ["L1 entry at the header"] = () => With(Data(), i => i.Poke64(i.L1, Copied)),
        ["L1 entry at the refcount table"] = () => With(Data(), i => i.Poke64(i.L1, Copied | (ulong)i.RefcountTable)),
        ["two L1 entries, one table"] = () => With(
            new TestImage("2G").Io("write 0 1M", "write 512M 1M"), i => i.Poke64(i.L1 + 8, i.Read64(i.L1))),
        ["refcount table entry unaligned"] = () => With(Data(), i => i.Poke64(i.RefcountTable + 8, 0x10200)),
        ["refcount table entry reserved"] = () =>
            With(Data(), i => i.Poke64(i.RefcountTable, i.Read64(i.RefcountTable) | 1)),
        ["refcount table entry unaligned beyond the file"] = () =>
            With(Data(), i => i.Poke64(i.RefcountTable + 8, 0xffff2a00)),
        ["refcount block outside"] = () => With(Data(), i => i.Poke64(i.RefcountTable + 8, 0x400000)),
        ["refcount block shared"] = () => With(Data(), i => i.Poke64(i.RefcountTable + 8, i.Read64(i.RefcountTable))),
        ["refcount block on data"] = () => With(Data(), i => i.Poke64(i.RefcountTable + 8, 0x60000)),
        ["refcount table empty"] = () => With(Data(), i => i.Poke64(i.RefcountTable, 0)),
        ["file cut"] = () => With(Data(), i => i.Truncate(i.LengthBytes - 200000)),
        ["file cut within a cluster"] = () => With(Data(), i => i.Truncate(i.LengthBytes - 1000)),
        ["compressed with copied flag"] = () => With(Compressed(), i => i.Poke64(i.L2(), i.Read64(i.L2()) | Copied)),
        ["compressed too long"] = () => With(Compressed(), i => i.Poke64(i.L2(), i.Read64(i.L2()) | (0x3fUL << 54))),
        ["compressed beyond the end"] = () => With(Compressed(), i => i.Poke64(i.L2(), i.Read64(i.L2()) | 0x40000000)),
        ["compressed with data file"] = () => With(DataFile(), i => i.Poke64(i.L2(), (1UL << 62) | 0x50000)),
        ["compressed with subclusters"] = () => With(ExtendedL2(), i => i.Poke64(i.L2(), (1UL << 62) | 0x50000)),
        ["subclusters contradictory"] = () => With(ExtendedL2(), i => i.Poke64(i.L2() + 8, ulong.MaxValue)),
        ["subclusters without cluster"] = () => With(ExtendedL2(), i => i.Poke64(i.L2() + 1608, 5)),
        ["extended, unaligned zero"] = () => With(
            ExtendedL2(), i => i.Poke64(i.L2() + 1600, Copied | 0x50200).Poke64(i.L2() + 1608, 3UL << 40)),
        ["extended, unaligned data"] = () => With(
            ExtendedL2(), i => i.Poke64(i.L2() + 1600, Copied | 0x50200).Poke64(i.L2() + 1608, 3)),
        ["data file without copied flag"] = () =>
            With(DataFile(), i => i.Poke64(i.L2(), i.Read64(i.L2() + 8) & ~Copied)),
        ["snapshot L1 unaligned"] = () =>
            With(Snapshots(), i => i.Poke64((long)i.Read64(64), i.Read64((long)i.Read64(64)) + 0x200)),
        ["snapshot L1 too large"] = () => With(Snapshots(), i => i.Poke32((long)i.Read64(64) + 8, 0x10000000)),
        ["snapshot L1 beyond the end"] = () => With(Snapshots(), i => i.Poke64((long)i.Read64(64), 0x70000000)),
        ["snapshot incomplete"] = () => With(Snapshots(), i => i.Poke32((long)i.Read64(64) + 36, 0)),
        ["snapshot with much extra data"] = () => With(Snapshots(), i => i.Poke32((long)i.Read64(64) + 36, 2000)),
        ["snapshot table unaligned"] = () => With(Snapshots(), i => i.Poke64(64, i.Read64(64) + 512)),
        ["too many snapshots"] = () => With(Snapshots(), i => i.Poke32(60, 70000)),
        ["snapshots in zeroes"] = () => With(Snapshots(), i => i.Poke32(60, 5)),
        ["bitmap table beyond the end"] = () => With(Bitmaps(), i => i.Poke64(BitmapDirectory(i), 0x70000000)),
        ["dirty"] = () => With(Data(), i => i.Poke64(72, 1)),
        ["corrupt bit"] = () => With(Data(), i => i.Poke64(72, 2)),
        ["overflow of 1-bit refcounts"] = () => With(
            new TestImage("4M", "cluster_size=512,refcount_bits=1").Io("write 0 100k"),
            i => i.Poke64(i.L2(), i.Read64(i.L2() + 8))),
        ["snapshots with data file"] = () => With(DataFile(), i => i.Poke32(60, 1).Poke64(64, (ulong)i.L1)),
    };

    public static IEnumerable<object[]> Names => Damages.Keys.Select(name => new object[] { name });

    [PeerTheory("qemu-img", "qemu-io")]
    [MemberData(nameof(Names))]
    public async Task ChecksAndRepairsAsThePeerDoes(string name)
    {
        using TestImage image = Damages[name]();
        string peer = CheckProgram.RunPeer(image.Path).ToString();
        Assert.Equal(peer, (await CheckProgram.RunOursAsync(image.Path)).ToString());

        // To open an image with bitmaps for writing is to read and rewrite them: the engine's affair.
        if (name.StartsWith("bitmap", StringComparison.Ordinal))
            return;
        await RepairBothAsync(image, RepairMode.Leaks);

        // Here the peer's rebuild trips over the entry that it has just rejected; ours goes around it
        // (RepairSafetyTests).
        if (name == "snapshot incomplete")
            await RepairAtOnceAsync(image);
        else if (name != "refcount table entry reserved")
            await RepairBothAsync(image, RepairMode.All);
    }

    private static async Task RepairBothAsync(TestImage image, RepairMode repair)
    {
        string theirs = image.Copy("theirs.qcow2");
        string ours = image.Copy("ours.qcow2");
        string expected = CheckProgram.RunPeer(theirs, repair).ToString();
        Assert.Equal(expected, (await CheckProgram.RunOursAsync(ours, repair)).ToString());
        string difference = FirstDifference(theirs, ours);
        Assert.True(difference == "equal", $"{repair}: {difference}\n{expected}");
    }

    /// <summary>
    /// Freeing the old snapshot table makes a cluster the image's own: the peer sets its flag in the second repair,
    /// ours in the first.
    /// </summary>
    private static async Task RepairAtOnceAsync(TestImage image)
    {
        string theirs = image.Copy("theirs.qcow2");
        string ours = image.Copy("ours.qcow2");
        CheckProgram.RunPeer(theirs, RepairMode.All);
        CheckProgram.RunPeer(theirs, RepairMode.All);
        Assert.Equal(0, (await CheckProgram.RunOursAsync(ours, RepairMode.All)).ExitStatus);
        Assert.Equal("equal", FirstDifference(theirs, ours));
    }

    /// <summary>Where two files differ first, for a readable failure; "equal" where they do not.</summary>
    private static string FirstDifference(string expected, string actual)
    {
        byte[] left = File.ReadAllBytes(expected);
        byte[] right = File.ReadAllBytes(actual);
        int common = left.AsSpan().CommonPrefixLength(right);
        return common == left.Length && left.Length == right.Length
            ? "equal"
            : $"lengths {left.Length} and {right.Length}, first difference at 0x{common:x}";
    }

    private static TestImage With(TestImage image, Func<TestImage, TestImage> damage) => damage(image);

    private static TestImage Data() => new TestImage().Io("write -P 1 0 1M", "write -P 2 4M 100k");

    private static TestImage Snapshots() =>
        new TestImage()
            .Io("write -P 1 0 512k").Snapshot("one")
            .Io("write -P 2 128k 128k").Snapshot("two")
            .Io("write -P 3 0 64k");

    private static TestImage Compressed() =>
        new TestImage().Io("write -c -P 1 0 64k", "write -c -P 2 64k 64k", "write -c -P 3 128k 64k", "write 1M 64k");

    private static TestImage ZeroClusters() =>
        new TestImage().Io("write 0 256k", "write -z 64k 64k", "write -z 1M 128k");

    private static TestImage ExtendedL2() =>
        new TestImage(options: "extended_l2=on")
            .Io("write 0 10k", "write 64k 64k", "write -z 256k 8k", "write -z 66k 4k");

    private static TestImage DataFile() =>
        new TestImage(options: "data_file=DIR/data.raw").Io("write 0 1M", "write -z 2M 64k");

    private static TestImage Bitmaps()
    {
        TestImage image = new TestImage().Io("write 0 1M");
        CheckProgram.Must("qemu-img", "bitmap", "--add", image.Path, "b0");
        CheckProgram.Must("qemu-img", "bitmap", "--add", image.Path, "b1");
        return image.Io("write 2M 1M");
    }

    /// <summary>
    /// The bitmaps extension follows the feature name table; its directory's offset comes last in it.
    /// </summary>
    private static long BitmapDirectory(TestImage image)
    {
        for (long at = image.Read32(100); ; at += 8 + ((image.Read32(at + 4) + 7) & ~7u))
        {
            if (image.Read32(at) == 0x23852875)
                return (long)image.Read64(at + 8 + 16);
        }
    }
}
