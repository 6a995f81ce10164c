using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Compression;
using Byre.Qcow2.Tests.Create;
using Byre.Qcow2.Tests.Faults;
using Byre.Qcow2.Tests.Io;
using Xunit.Abstractions;

namespace Byre.Qcow2.Tests.Check;

/// <summary>
/// What L1 tables refer to that share L2 tables is counted together; findings, repairs and results are those of one
/// walk after the other, whatever the image is like.
/// </summary>
public sealed class GroupedWalkTests(ITestOutputHelper output)
{
    private const int Snapshots = 65536;
    private const int SnapshotCountOffset = 60;
    private const int SnapshotTableOffset = 64;

    [Theory]
    [InlineData(512, 2, false)]
    [InlineData(512, 4, false)]
    [InlineData(512, 16, false)]
    [InlineData(4096, 8, false)]
    [InlineData(16384, 4, true)]
    public async Task Walks_together_find_what_single_walks_find(int clusterBytes, int refcountBits, bool extendedL2)
    {
        byte[] sound = MakeImage(clusterBytes, refcountBits, extendedL2);
        int findings = 0;
        int failures = 0;
        int seeds = FaultSettings.Everything ? 500 : 15;
        for (int seed = 0; seed < seeds; seed++)
        {
            byte[] damaged = [.. sound];
            var random = new Random(seed);
            for (int i = random.Next(6); i >= 0; i--)
                Damage(damaged, random);
            foreach (RepairMode repair in Enum.GetValues<RepairMode>())
            {
                Outcome alone = await CheckAsync(damaged, repair, maxGroup: 1);
                Outcome together = await CheckAsync(damaged, repair, maxGroup: int.MaxValue);
                Outcome inGroups = await CheckAsync(damaged, repair, maxGroup: 3);
                Assert.True(alone.Text == together.Text, $"seed {seed} {repair}:\n{alone.Text}\n{together.Text}");
                Assert.True(alone.Text == inGroups.Text, $"seed {seed} {repair}:\n{alone.Text}\n{inGroups.Text}");
                Assert.True(alone.Bytes.AsSpan().SequenceEqual(together.Bytes), $"seed {seed} {repair}: bytes");
                findings += alone.Findings;
                failures += alone.HasFailed ? 1 : 0;
            }
        }

        Assert.True(findings > 100);
        output.WriteLine($"# walks together: {3 * seeds} checks, {findings} findings, {failures} ended early");
    }

    [PeerTheory("qemu-img")]
    [InlineData(512, 4)]
    [InlineData(512, 16)]
    [InlineData(4096, 8)]
    public async Task Walks_together_find_what_the_peer_finds(int clusterBytes, int refcountBits)
    {
        byte[] sound = MakeImage(clusterBytes, refcountBits, extendedL2: false);
        string path = Path.GetTempFileName();
        try
        {
            for (int seed = 1000; seed < 1010; seed++)
            {
                byte[] damaged = [.. sound];
                var random = new Random(seed);
                for (int i = random.Next(4); i >= 0; i--)
                    Damage(damaged, random);
                await File.WriteAllBytesAsync(path, damaged);
                string peer = CheckProgram.RunPeer(path).ToString();
                Assert.Equal(peer, (await CheckProgram.RunOursAsync(path)).ToString());
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Each walk read all of its tables: minutes, for a file of a few megabytes.</summary>
    [Theory]
    [InlineData(0, 64, 100)]
    [InlineData(512, 64, 100)]
    [InlineData(0, 16, 65536)]
    public async Task Many_snapshots_that_share_their_tables_are_read_once(
        int stepBytes, int refcountBits, int entriesPerUsed)
    {
        const int L1Entries = 65536;
        byte[] image = MakeHostile(L1Entries, stepBytes, refcountBits, entriesPerUsed);
        long read = 0;
        var options = new CheckOptions { Progress = new Progress(bytes => read = bytes), Parallelism = 1 };
        var file = new MemoryNode();
        await file.WriteAsync(0, image);
        long texts = 0;
        CheckReport report = await ImageChecker.CheckAsync(
            file, HeaderCodec.Parse(image), options with { OnFinding = _ => texts++ });
        Assert.True(read < 64L * image.Length, $"{read} bytes of {image.Length}");
        output.WriteLine($"# {Snapshots} snapshots, step {stepBytes}: {read} bytes read, {texts} findings, " +
            $"{report.Corruptions} corruptions");
    }

    /// <summary>The same for entries of the active L1 table.</summary>
    [Theory]
    [InlineData(64, 1 << 20)]
    [InlineData(16, 40000)]
    public async Task Entries_that_share_their_table_are_read_once(int refcountBits, int entries)
    {
        byte[] image = MakeHostile(entries, 0, refcountBits, entriesPerUsed: 1);
        long l1 = BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(SnapshotTableOffset)) - (8L * entries);
        BinaryPrimitives.WriteInt32BigEndian(image.AsSpan(SnapshotCountOffset), 0);
        BinaryPrimitives.WriteInt32BigEndian(image.AsSpan(36), entries);
        Poke(image, 40, (ulong)l1);
        for (int i = 0; i < entries; i++)
            image[l1 + (8L * i)] |= 0x80;
        long read = 0;
        var options = new CheckOptions { Progress = new Progress(bytes => read = bytes), Parallelism = 1 };
        var file = new MemoryNode();
        await file.WriteAsync(0, image);
        CheckReport report = await ImageChecker.CheckAsync(file, HeaderCodec.Parse(image), options);
        Assert.True(read < 16L * image.Length, $"{read} bytes of {image.Length}");
        Assert.Equal(60L * entries, report.AllocatedClusters);
        output.WriteLine($"# {entries} entries: {read} bytes read, {report.Corruptions} corruptions");
    }

    private static byte[] MakeImage(int clusterBytes, int refcountBits, bool extendedL2)
    {
        var options = new Qcow2CreateOptions
        {
            SizeBytes = (clusterBytes == 512 ? 300 : 40) * clusterBytes,
            ClusterSizeBytes = clusterBytes,
            RefcountBits = refcountBits,
            ExtendedL2 = extendedL2,
        };
        using var image = new EngineHarness(options);
        image.Create();
        image.Open();
        int count = Math.Min(12, (1 << Math.Min(refcountBits, 8)) - 2);
        for (int i = 0; i < count; i++)
        {
            EngineHarness.Run(image.Node.WriteAsync(7L * i * clusterBytes % (options.SizeBytes / 2), new byte[3000]));
            EngineHarness.Run(image.Node.WriteAsync(20L * clusterBytes, Filled(clusterBytes, i)));
            EngineHarness.Run(image.Node.CreateSnapshotAsync(new SnapshotInfo("", $"s{i}")));
        }

        image.Close();
        return image.File.Content.ToArray();
    }

    private static byte[] Filled(int length, int value)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill((byte)value);
        return bytes;
    }

    /// <summary>Changes something that walks of snapshots come by.</summary>
    private static void Damage(byte[] image, Random random)
    {
        ImageHeader header = HeaderCodec.Parse(image, HeaderParsing.ForCheck);
        int clusterBytes = 1 << header.ClusterBits;
        List<int> records = FindRecords(image);
        int record = records[random.Next(records.Count)];
        int other = records[random.Next(records.Count)];
        long l1 = BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(record));
        int entries = BinaryPrimitives.ReadInt32BigEndian(image.AsSpan(record + 8));
        if (l1 < 0 || l1 + 8 > image.Length)
            return;
        ulong anywhere = (ulong)random.Next(image.Length / 512) * 512;
        ulong[] values =
        [
            anywhere, anywhere & ~(ulong)(clusterBytes - 1), anywhere | 1, (ulong)image.Length + 512, 0, 512,
            anywhere | (1UL << 63), anywhere | (1UL << 62), (ulong)random.NextInt64(), anywhere | 0x40,
            (ulong)(image.Length & -clusterBytes),
        ];
        ulong value = values[random.Next(values.Length)];
        int activeL1 = (int)header.L1.Offset.Value;
        switch (random.Next(9))
        {
            case 7:
                for (int i = 0; i < 64; i++)
                    Poke(image, activeL1 + (8 * i), i % 9 == 0 ? value : (ulong)activeL1 + (ulong)clusterBytes);
                break;
            case 8:
                BinaryPrimitives.WriteInt32BigEndian(image.AsSpan(36), random.Next(header.L1.EntryCount, 70));
                break;
            case 0:
                Poke(image, record, (ulong)BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(other)));
                break;
            case 1:
                Poke(image, record, (ulong)l1 + (ulong)(random.Next(3) * (random.Next(4) == 0 ? 512 : clusterBytes)));
                break;
            case 2:
                BinaryPrimitives.WriteInt32BigEndian(image.AsSpan(record + 8), random.Next(200));
                break;
            case 3:
                Poke(image, (int)l1 + (8 * random.Next(Math.Max(1, Math.Min(entries, 8)))), value);
                break;
            case 4:
                BinaryPrimitives.WriteInt32BigEndian(image.AsSpan(record + 8), 1 << 23);
                break;
            default:
                long l2 = BinaryPrimitives.ReadInt64BigEndian(image.AsSpan((int)l1)) & (long)L1Entry.OffsetMask;
                if (l2 + clusterBytes <= image.Length)
                    Poke(image, (int)l2 + (8 * random.Next(40)), value);
                break;
        }
    }

    private static void Poke(byte[] image, int offset, ulong value)
    {
        if (offset >= 0 && offset + 8 <= image.Length)
            BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(offset), value);
    }

    private static List<int> FindRecords(byte[] image)
    {
        int count = BinaryPrimitives.ReadInt32BigEndian(image.AsSpan(SnapshotCountOffset));
        long at = BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(SnapshotTableOffset));
        var records = new List<int>();
        for (int i = 0; i < count; i++)
        {
            at = SnapshotCodec.Align(at);
            records.Add((int)at);
            at += SnapshotCodec.ReadLength(image.AsSpan((int)at, SnapshotRecord.FixedBytes));
        }

        return records;
    }

    /// <summary>Snapshots with large L1 tables, which are one, or lie over each other.</summary>
    private static byte[] MakeHostile(int l1Entries, int stepBytes, int refcountBits, int entriesPerUsed)
    {
        var options = new Qcow2CreateOptions
        {
            SizeBytes = 100 * 512,
            ClusterSizeBytes = 512,
            RefcountBits = refcountBits,
        };
        using var made = new EngineHarness(options);
        made.Create();
        made.Open();
        EngineHarness.Run(made.Node.WriteAsync(0, new byte[60 * 512]));
        made.Close();
        int l1Offset = (made.File.Content.Length + 511) & -512;
        ulong l2 = BinaryPrimitives.ReadUInt64BigEndian(
            made.File.Content[(int)BinaryPrimitives.ReadInt64BigEndian(made.File.Content[40..])..]);
        int tableBytes = (l1Entries * 8) + (stepBytes == 0 ? 0 : 4 << 20);
        int tableOffset = l1Offset + tableBytes;
        const int RecordBytes = 64;
        byte[] image = new byte[tableOffset + (Snapshots * RecordBytes)];
        made.File.Content.CopyTo(image);
        for (int at = 0; at < tableBytes; at += 8 * entriesPerUsed)
            Poke(image, l1Offset + at, l2 & L1Entry.OffsetMask);
        for (int i = 0; i < Snapshots; i++)
        {
            Span<byte> record = image.AsSpan(tableOffset + (i * RecordBytes), RecordBytes);
            long shift = (long)i * stepBytes % (4 << 20);
            BinaryPrimitives.WriteInt64BigEndian(record, l1Offset + shift);
            BinaryPrimitives.WriteInt32BigEndian(record[8..], l1Entries);
            BinaryPrimitives.WriteInt32BigEndian(record[36..], 24);
        }

        BinaryPrimitives.WriteInt32BigEndian(image.AsSpan(SnapshotCountOffset), Snapshots);
        Poke(image, SnapshotTableOffset, (ulong)tableOffset);
        return image;
    }

    private static async Task<Outcome> CheckAsync(byte[] image, RepairMode repair, int maxGroup)
    {
        var file = new MemoryNode();
        await file.WriteAsync(0, image);
        var lines = new List<string>();
        var options = new CheckOptions
        {
            Repair = repair,
            MaxSnapshotGroup = maxGroup,
            Parallelism = 1,
            OnFinding = finding => lines.Add(finding.ToString()),
        };
        int findings;
        bool hasFailed = false;
        try
        {
            CheckReport report = await ImageChecker.CheckAsync(
                file, HeaderCodec.Parse(image, HeaderParsing.ForCheck), options);
            findings = lines.Count;
            lines.Add(report.ToString());
        }
        catch (BlockException failure)
        {
            findings = lines.Count;
            hasFailed = true;
            lines.Add(failure.Message);
        }

        return new Outcome(string.Join('\n', lines), file.Content.ToArray(), findings, hasFailed);
    }

    private sealed record Outcome(string Text, byte[] Bytes, int Findings, bool HasFailed);

    private sealed class Progress(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
