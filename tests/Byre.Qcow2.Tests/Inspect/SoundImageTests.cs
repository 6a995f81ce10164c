using Byre.Block.Formats;
using Byre.Qcow2.Inspect;
using Byre.Qcow2.Tests.Check;
using Byre.Qcow2.Tests.Compression;

namespace Byre.Qcow2.Tests.Inspect;

/// <summary>Images as the peer makes them are safe, in every format that it writes.</summary>
public sealed class SoundImageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("byre-inspect-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [PeerTheory("qemu-img", "qemu-io")]
    [InlineData("compat=1.1")]
    [InlineData("compat=0.10")]
    [InlineData("cluster_size=512")]
    [InlineData("cluster_size=2M")]
    [InlineData("extended_l2=on,cluster_size=128k")]
    [InlineData("preallocation=metadata")]
    [InlineData("preallocation=falloc")]
    [InlineData("preallocation=full")]
    [InlineData("refcount_bits=1")]
    [InlineData("refcount_bits=64,lazy_refcounts=on")]
    public async Task WrittenImagesAreSafe(string options)
    {
        using var image = new TestImage("48M", options);
        image.Io("write -P 1 0 700k", "write -z 1M 300k", "write -P 2 5M 1", "discard 100k 64k", "write -P 3 30M 3M");
        await AssertSafeAsync(image.Path);
        if (!options.StartsWith("refcount_bits=1", StringComparison.Ordinal))
        {
            image.Snapshot("one").Snapshot("two").Io("write -P 4 300k 2M");
            await AssertSafeAsync(image.Path);
        }

        string packed = Path.Combine(_folder, "packed");
        foreach (string compression in (string[])["zlib", "zstd"])
        {
            if (options == "compat=0.10" && compression == "zstd")
                continue;
            string withType = options == "compat=0.10" ? options : $"{options},compression_type={compression}";
            if (options.StartsWith("prealloc", StringComparison.Ordinal))
                withType = $"compression_type={compression}";
            Must("convert", "-c", "-O", "qcow2", "-o", withType, image.Path, packed);
            await AssertSafeAsync(packed);
        }
    }

    [PeerFact]
    public async Task BitmapsAreNoDanger()
    {
        using var image = new TestImage("48M");
        Must("bitmap", "--add", image.Path, "first");
        Must("bitmap", "--add", "-g", "4k", image.Path, "second");
        image.Io("write -P 1 0 700k");
        InspectionReport report = await AssertSafeAsync(image.Path);
        Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.Bitmaps);
    }

    [PeerTheory("qemu-img")]
    [InlineData("vmdk", "subformat=monolithicSparse")]
    [InlineData("vmdk", "subformat=streamOptimized")]
    [InlineData("vdi", "")]
    [InlineData("vdi", "static=on")]
    [InlineData("vpc", "")]
    [InlineData("vhdx", "")]
    [InlineData("vhdx", "subformat=fixed")]
    [InlineData("qed", "")]
    [InlineData("qcow", "")]
    [InlineData("parallels", "")]
    public async Task OtherFormatsAreRecognisedAndSafe(string format, string options)
    {
        InspectionReport report = await CreateAndInspectAsync(format, options);
        Assert.Equal(format, report.Format);
        Assert.Equal(InspectionVerdict.Safe, report.Verdict);
        Assert.InRange(report.VirtualSizeBytes ?? 0, 8 << 20, 9 << 20);
    }

    [PeerTheory("qemu-img")]
    [InlineData("vmdk", "subformat=monolithicFlat", InspectionFindingIds.ExtentFile)]
    [InlineData("vmdk", "subformat=twoGbMaxExtentSparse", InspectionFindingIds.ExtentFile)]
    [InlineData("vmdk", "subformat=twoGbMaxExtentFlat", InspectionFindingIds.ExtentFile)]
    [InlineData("vmdk", "backing_file=BASE,backing_fmt=vmdk", InspectionFindingIds.BackingFile)]
    [InlineData("qed", "backing_file=BASE,backing_fmt=vmdk", InspectionFindingIds.BackingFile)]
    [InlineData("qcow", "backing_file=BASE,backing_fmt=vmdk", InspectionFindingIds.BackingFile)]
    [InlineData("qcow2", "backing_file=BASE,backing_fmt=vmdk", InspectionFindingIds.BackingFile)]
    [InlineData("qcow2", "data_file=DATA", InspectionFindingIds.DataFile)]
    public async Task ImagesThatReferToFilesAreUnsafe(string format, string options, string id)
    {
        string baseFile = Path.Combine(_folder, "base");
        Must("create", "-q", "-f", "vmdk", baseFile, "8M");
        options = options.Replace("BASE", baseFile, StringComparison.Ordinal)
            .Replace("DATA", Path.Combine(_folder, "data"), StringComparison.Ordinal);
        InspectionReport report = await CreateAndInspectAsync(format, options);
        Assert.Equal(InspectionVerdict.Unsafe, report.Verdict);
        Assert.Contains(report.Findings, finding => finding.Id == id && finding.Severity == InspectionSeverity.Danger);
    }

    private static async Task<InspectionReport> AssertSafeAsync(string path)
    {
        InspectionReport report = await InspectAsync(path);
        Assert.True(
            report.Verdict == InspectionVerdict.Safe && report.Findings.All(
                finding => finding.Severity == InspectionSeverity.Info),
            string.Join('\n', report.Findings));
        Assert.True(report.IsComplete);
        return report;
    }

    private Task<InspectionReport> CreateAndInspectAsync(string format, string options)
    {
        string path = Path.Combine(_folder, "disk." + format);
        string[] extra = options.Length > 0 ? ["-o", options] : [];
        Must(["create", "-q", "-f", format, .. extra, path, "8M"]);
        return InspectAsync(path);
    }

    private static async Task<InspectionReport> InspectAsync(string path)
    {
        byte[] content = await File.ReadAllBytesAsync(path);
        return await ImageInspection.RunAsync(new SparseSource(content.Length).Put(0, content));
    }

    private static void Must(params string[] arguments) => CheckProgram.Must("qemu-img", arguments);
}
