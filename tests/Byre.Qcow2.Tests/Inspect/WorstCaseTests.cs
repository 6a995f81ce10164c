using System.Buffers.Binary;
using System.Text;
using Byre.Qcow2.Inspect;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Layout;

namespace Byre.Qcow2.Tests.Inspect;

/// <summary>
/// Whatever a file claims, an inspection reads, examines and allocates no more than its limits say. Work is counted,
/// not timed.
/// </summary>
public sealed class WorstCaseTests
{
    private const int ClusterBits = 21;
    private const long Cluster = 1L << ClusterBits;
    private const long Huge = 4L << 30;

    public static TheoryData<string> Cases =>
    [
        "extensions", "largest L1 table", "one L2 table for all", "malformed L1 table", "reserved bits",
        "largest refcount table", "full L2 tables", "small clusters", "overlapping data", "snapshots", "bitmaps",
        "long records", "sparse raw", "raw full of headers", "VMDK descriptor", "VHDX tables", "LUKS", "noise",
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task WorkAndMemoryAreBounded(string name)
    {
        SparseSource source = Make(name);
        long before = GC.GetAllocatedBytesForCurrentThread();
        InspectionReport report = await ImageInspection.RunAsync(source);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(source.BytesRead, report.BytesRead);
        Assert.Equal(source.Reads, report.Reads);
        Assert.InRange(report.BytesRead, 1, InspectionLimits.MaxBytesRead);
        Assert.InRange(report.Reads, 1, InspectionLimits.MaxReads);
        Assert.InRange(report.EntriesExamined, 0, InspectionLimits.MaxEntries);
        Assert.InRange(allocated, 0, InspectionLimits.MaxAllocatedBytes);
        Assert.InRange(report.Findings.Count, 0, 100);
        if (!report.IsComplete)
            Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.NotExamined);
    }

    [Fact]
    public async Task WhatWasNotExaminedIsSaid()
    {
        InspectionReport report = await ImageInspection.RunAsync(Make("full L2 tables"));
        Assert.False(report.IsComplete);
        Assert.Contains(
            report.Findings,
            finding => finding.Id == InspectionFindingIds.NotExamined
                && finding.Text.Contains("64 L2 tables were not", StringComparison.Ordinal));
    }

    /// <summary>A huge L1 table does not use up what the other tables need.</summary>
    [Theory]
    [InlineData("overlapping data")]
    [InlineData("small clusters")]
    public async Task OneTableDoesNotHideAnother(string name)
    {
        InspectionReport report = await ImageInspection.RunAsync(Make(name));
        Assert.Equal(InspectionVerdict.Unsafe, report.Verdict);
        Assert.Contains(
            report.Findings, finding => finding.Text.StartsWith("A guest's cluster", StringComparison.Ordinal));
    }

    private static SparseSource Make(string name) => name switch
    {
        "extensions" => new SparseSource(Huge).Put(0, FillWithExtensions(Header())),
        "largest L1 table" => WithL1(index => (1UL << 63) | (ulong)((index % 1000 * Cluster) + (64 * Cluster))),
        "one L2 table for all" => WithL1(_ => 64UL << ClusterBits),
        "malformed L1 table" => WithL1(index => (ulong)(index * 512) + 512),
        "reserved bits" => WithL1(index => (1UL << 62) | (ulong)((index + 64) << ClusterBits)),
        "largest refcount table" => new SparseSource(Huge)
            .Put(0, Header(builder => builder.U32(HeaderBuilder.TableClusters, 4)))
            .PutTable(
                Cluster,
                FormatLimits.MaxRefcountTableBytes / 8,
                index => (ulong)((index % 1500) + 20) << ClusterBits),
        "full L2 tables" => WithL1(index => index < 64 ? (ulong)(index + 64) << ClusterBits : 0)
            .PutTable(64 * Cluster, 64 * Cluster / 8, index => (ulong)((index % 1000) + 200) << ClusterBits),
        "small clusters" => SmallClusters(),
        "overlapping data" => WithL1(index => index < 64 ? (ulong)(index + 64) << ClusterBits : 0)
            .PutTable(64 * Cluster, 64 * Cluster / 8, index => (ulong)(index % 128) << ClusterBits),
        "snapshots" => Snapshots(),
        "bitmaps" => Bitmaps(),
        "long records" => new SparseSource(Huge)
            .Put(0, Header(builder => builder.U32(HeaderBuilder.SnapshotCount, 65536)
                .U64(HeaderBuilder.SnapshotOffset, 8 * (ulong)Cluster)))
            .PutRepeated(8 * Cluster, 1L << 30, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255]),
        "sparse raw" => new SparseSource(Huge),
        "raw full of headers" => new SparseSource(Huge)
            .PutRepeated(512, Huge - 512, [.. "QED\0"u8, .. new byte[508]]),
        "VMDK descriptor" => Descriptor(),
        "VHDX tables" => Vhdx(),
        "LUKS" => new SparseSource(Huge).PutRepeated(0, Huge, [255]).Put(0, [.. "LUKS"u8, 0xba, 0xbe, 0, 1]),
        "noise" => Noise(),
        _ => throw new ArgumentException(name),
    };

    private static byte[] Header(Func<HeaderBuilder, HeaderBuilder>? change = null)
    {
        var builder = new HeaderBuilder(clusterBits: ClusterBits);
        return (change?.Invoke(builder) ?? builder).Bytes;
    }

    private static SparseSource WithL1(Func<long, ulong> entryAt)
    {
        const long Entries = FormatLimits.MaxL1Bytes / 8;
        return new SparseSource(Huge)
            .Put(0, Header(builder => builder.U32(HeaderBuilder.L1Count, (uint)Entries)
                .U64(HeaderBuilder.Size, (ulong)Entries << 39)))
            .PutTable(3 * Cluster, Entries, entryAt);
    }

    private static SparseSource SmallClusters()
    {
        byte[] header = new HeaderBuilder(clusterBits: 9).U32(HeaderBuilder.L1Count, 1 << 22).Bytes;
        return new SparseSource(Huge)
            .Put(0, header)
            .PutTable(3 * 512, 1 << 22, index => (ulong)(1 << 26) + (ulong)((index * 7919 % (1 << 20)) << 9))
            .PutTable(1 << 26, 1 << 26, index => (ulong)((index % (1 << 22)) << 9));
    }

    private static SparseSource Snapshots()
    {
        const int RecordBytes = 40;
        byte[] record = new byte[RecordBytes];
        BinaryPrimitives.WriteUInt64BigEndian(record, 16 * (ulong)Cluster);
        BinaryPrimitives.WriteUInt32BigEndian(record.AsSpan(8), FormatLimits.MaxL1Bytes / 8);
        return new SparseSource(Huge)
            .Put(0, Header(builder => builder.U32(HeaderBuilder.SnapshotCount, 65536)
                .U64(HeaderBuilder.SnapshotOffset, 8 * (ulong)Cluster)))
            .PutRepeated(8 * Cluster, 65536 * RecordBytes, record);
    }

    private static SparseSource Bitmaps()
    {
        byte[] extension = new byte[24];
        BinaryPrimitives.WriteUInt32BigEndian(extension, FormatLimits.MaxBitmaps);
        BinaryPrimitives.WriteUInt64BigEndian(extension.AsSpan(8), FormatLimits.MaxBitmapDirectoryBytes);
        BinaryPrimitives.WriteUInt64BigEndian(extension.AsSpan(16), 8 * (ulong)Cluster);
        byte[] entry = new byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(entry, 64 * (ulong)Cluster);
        BinaryPrimitives.WriteUInt32BigEndian(entry.AsSpan(8), FormatLimits.MaxBitmapTableEntries);
        return new SparseSource(Huge)
            .Put(0, Header(builder => builder.U64(HeaderBuilder.Autoclear, 1)
                .Extensions((HeaderExtension.Bitmaps, extension))))
            .PutRepeated(8 * Cluster, FormatLimits.MaxBitmapDirectoryBytes, entry);
    }

    private static SparseSource Descriptor()
    {
        byte[] text = Encoding.ASCII.GetBytes("# Disk DescriptorFile\nversion=1\nRW 1 FLAT \"/etc/passwd\" 0\n"
            + string.Concat(Enumerable.Repeat("RW 1 FLAT \"/\"\n", 1 << 14)));
        return new SparseSource(text.Length).Put(0, text);
    }

    private static SparseSource Vhdx()
    {
        byte[] region = [.. "regi\0\0\0\0\xff\xff\0\0\0\0\0\0"u8];
        byte[] metadata = new Guid("8B7CA206-4790-4B9A-B8FE-575F050F886E").ToByteArray();
        return new SparseSource(Huge)
            .Put(0, [.. "vhdxfile"u8])
            .Put(192 << 10, region)
            .Put((192 << 10) + 16 + (2046 * 32), [.. metadata, 0, 0, 16, 0, 0, 0, 0, 0])
            .Put(1 << 20, [.. "metadata\0\0\xff\xff"u8])
            .PutTable((1 << 20) + 32, 1 << 13, index => (ulong)index * 0x9E3779B97F4A7C15);
    }

    private static SparseSource Noise()
    {
        byte[] header = Header();
        var random = new Random(1);
        byte[] noise = new byte[1 << 16];
        random.NextBytes(noise);
        noise.CopyTo(header, 112);
        return new SparseSource(Huge).PutRepeated(0, Huge, noise).Put(0, header);
    }

    private static byte[] FillWithExtensions(byte[] header)
    {
        for (int at = 112; at < header.Length; at += 8)
            header[at] = 1;
        return header;
    }
}
