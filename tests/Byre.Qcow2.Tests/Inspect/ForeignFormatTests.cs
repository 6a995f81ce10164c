using System.Buffers.Binary;
using System.Text;
using Byre.Qcow2.Inspect;
using Byre.Qcow2.Tests.Layout;

namespace Byre.Qcow2.Tests.Inspect;

/// <summary>Formats that are not read here, raw disks, and files that are two things at once.</summary>
public sealed class ForeignFormatTests
{
    private const long DiskBytes = 1 << 20;

    [Theory]
    [InlineData("gpt")]
    [InlineData("mbr")]
    [InlineData("iso9660")]
    public async Task TheContentOfARawDiskIsTold(string content)
    {
        InspectionReport report = await InspectAsync(With(new byte[DiskBytes], content));
        Assert.Equal("raw", report.Format);
        Assert.Equal(content, report.Content);
        Assert.Equal(InspectionVerdict.Safe, report.Verdict);
        Assert.Contains("give the format raw", report.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt")]
    [InlineData("mbr")]
    [InlineData("iso9660")]
    [InlineData("vpc")]
    [InlineData("dmg")]
    public async Task AnImageThatIsSomethingElseToo(string content)
    {
        byte[] file = new byte[DiskBytes];
        new HeaderBuilder().Bytes.CopyTo(file, 0);
        InspectionReport report = await InspectAsync(With(file, content));
        Assert.Equal("qcow2", report.Format);
        Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.Polyglot);
        Assert.Equal(InspectionVerdict.Unsafe, report.Verdict);
    }

    [Fact]
    public async Task AFixedVhdIsARawDiskWithAWarning()
    {
        InspectionReport report = await InspectAsync(With(new byte[DiskBytes], "vpc"));
        Assert.Equal("raw", report.Format);
        Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.MagicInside);
    }

    [Theory]
    [InlineData(null, "raw", true)]
    [InlineData("raw", "raw", true)]
    [InlineData("iso", "iso9660", true)]
    [InlineData("iso", "raw", false)]
    [InlineData("qcow2", "raw", false)]
    [InlineData("vhd", "raw", false)]
    public async Task TheDeclaredFormatCounts(string? declared, string content, bool isSafe)
    {
        var source = new SparseSource(DiskBytes).Put(0, With(new byte[DiskBytes], content));
        InspectionReport report = await ImageInspection.RunAsync(
            source, new InspectionOptions { DeclaredFormat = declared });
        Assert.Equal(isSafe ? InspectionVerdict.Safe : InspectionVerdict.Unsafe, report.Verdict);
    }

    [Theory]
    [InlineData(2u, false)]
    [InlineData(3u, false)]
    [InlineData(4u, true)]
    [InlineData(7u, true)]
    public async Task ADifferencingVhdHasAParent(uint type, bool hasParent)
    {
        byte[] footer = new byte[DiskBytes];
        "conectix"u8.CopyTo(footer);
        BinaryPrimitives.WriteInt64BigEndian(footer.AsSpan(48), DiskBytes);
        BinaryPrimitives.WriteUInt32BigEndian(footer.AsSpan(60), type);
        await AssertParentAsync(footer, hasParent);
    }

    [Theory]
    [InlineData(1u, 0, false)]
    [InlineData(2u, 0, false)]
    [InlineData(4u, 0, true)]
    [InlineData(1u, 0x1a8, true)]
    [InlineData(1u, 0x1c7, true)]
    public async Task ADifferencingVdiHasAParent(uint type, int idAt, bool hasParent)
    {
        byte[] header = new byte[DiskBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(64), 0xbeda107f);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(0x4c), type);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(0x170), DiskBytes);
        if (idAt > 0)
            header[idAt] = 1;
        await AssertParentAsync(header, hasParent);
    }

    [Theory]
    [InlineData(0u, false)]
    [InlineData(1u, false)]
    [InlineData(2u, true)]
    public async Task ADifferencingVhdxHasAParent(uint flags, bool hasParent)
    {
        byte[] file = new byte[2 << 20];
        "vhdxfile"u8.CopyTo(file);
        "regi\0\0\0\0\u0001"u8.CopyTo(file.AsSpan(192 << 10));
        Span<byte> region = file.AsSpan((192 << 10) + 16);
        new Guid("8B7CA206-4790-4B9A-B8FE-575F050F886E").TryWriteBytes(region);
        BinaryPrimitives.WriteInt64LittleEndian(region[16..], 1 << 20);
        "metadata\0\0\u0001"u8.CopyTo(file.AsSpan(1 << 20));
        Span<byte> item = file.AsSpan((1 << 20) + 32);
        new Guid("CAA16737-FA36-4D43-B3B6-33F0AA44E76B").TryWriteBytes(item);
        BinaryPrimitives.WriteInt32LittleEndian(item[16..], 0x10000);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan((1 << 20) + 0x10004), flags);
        await AssertParentAsync(file, hasParent);
    }

    [Theory]
    [InlineData("parentCID=12345678", InspectionFindingIds.BackingFile)]
    [InlineData("parentCID = 12345678", InspectionFindingIds.BackingFile)]
    [InlineData("parentFileNameHint=\"base.vmdk\"", InspectionFindingIds.BackingFile)]
    [InlineData("RW 100 SPARSE \"/etc/passwd\"", InspectionFindingIds.UnsafeName)]
    [InlineData("RW 100 SPARSE \"..\\\\secret\"", InspectionFindingIds.UnsafeName)]
    [InlineData("RW 100 SPARSE \"dir/extent.vmdk\"", InspectionFindingIds.UnsafeName)]
    [InlineData("RW 100 SPARSE \"second.vmdk\"", InspectionFindingIds.ExtentFile)]
    [InlineData("RW 100 FLAT \"flat.vmdk\" 0", InspectionFindingIds.ExtentFile)]
    [InlineData("RDONLY 100 VMFSRDM \"rdm.vmdk\"", InspectionFindingIds.ExtentFile)]
    [InlineData("createType=\"vmfs\"", InspectionFindingIds.ExtentFile)]
    [InlineData("createType=\"custom\"", InspectionFindingIds.ExtentFile)]
    public async Task AnEmbeddedDescriptorIsRead(string line, string id)
    {
        Assert.Equal(InspectionVerdict.Safe, (await InspectAsync(SparseVmdk(""))).Verdict);
        InspectionReport report = await InspectAsync(SparseVmdk(line + "\n"));
        Assert.Equal("vmdk", report.Format);
        Assert.Contains(report.Findings, finding => finding.Id == id);
        Assert.Equal(InspectionVerdict.Unsafe, report.Verdict);
    }

    [Theory]
    [InlineData("Bochs Virtual HD Image\0")]
    [InlineData("#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n")]
    public async Task WhatIsNotUnderstoodIsNotSafe(string start)
    {
        byte[] file = new byte[DiskBytes];
        Encoding.ASCII.GetBytes(start, file);
        InspectionReport report = await InspectAsync(file);
        Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.UnexaminedFormat);
    }

    private static async Task AssertParentAsync(byte[] file, bool hasParent)
    {
        InspectionReport report = await InspectAsync(file);
        Assert.Equal(hasParent, report.Findings.Any(finding => finding.Id == InspectionFindingIds.BackingFile));
        Assert.Equal(hasParent ? InspectionVerdict.Unsafe : InspectionVerdict.Safe, report.Verdict);
    }

    private static byte[] SparseVmdk(string line)
    {
        byte[] file = new byte[DiskBytes];
        "KDMV"u8.CopyTo(file);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(12), 100);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(28), 1);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(36), 20);
        Encoding.ASCII.GetBytes(
            "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n"
            + "RW 100 SPARSE \"disk.vmdk\"\n" + line,
            file.AsSpan(512));
        return file;
    }

    /// <summary>Writes the marks of a content over a file.</summary>
    private static byte[] With(byte[] file, string content)
    {
        switch (content)
        {
            case "gpt" or "mbr":
                file[446 + 4] = content == "gpt" ? (byte)0xee : (byte)0x83;
                file[446 + 12] = 1;
                file[510] = 0x55;
                file[511] = 0xaa;
                if (content == "gpt")
                    "EFI PART"u8.CopyTo(file.AsSpan(512));
                break;
            case "iso9660":
                "\u0001CD001"u8.CopyTo(file.AsSpan(0x8000));
                break;
            case "vpc":
                "conectix"u8.CopyTo(file.AsSpan(file.Length - 512));
                break;
            case "dmg":
                "koly"u8.CopyTo(file.AsSpan(file.Length - 512));
                break;
        }

        return file;
    }

    private static async Task<InspectionReport> InspectAsync(byte[] file) =>
        await ImageInspection.RunAsync(new SparseSource(file.Length).Put(0, file));
}
