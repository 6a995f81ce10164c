using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Qcow2;
using Byre.Qcow2.Inspect;
using Byre.Storage.Drivers;

namespace Byre.Tests;

/// <summary>
/// The published attacks by images that name files of their host: the library refuses them by default, and the
/// inspection finds them.
/// </summary>
public sealed class PublishedAttackTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("byre-attack-").FullName;
    private readonly string _secret;

    public PublishedAttackTests()
    {
        byte[] content = new byte[AttackImages.DiskBytes];
        "root:secret"u8.CopyTo(content);
        _secret = Write("secret", content);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Cve_2024_32498_data_file()
    {
        string image = Write("disk.qcow2", AttackImages.Qcow2WithRawDataFile(_secret));
        await RefusedAsync(image, $"names the external data file '{_secret}'");
        await FoundAsync(image, InspectionFindingIds.DataFile, InspectionFindingIds.UnsafeName);

        // Without the policy the attack works: the fixture is one.
        var trusting = new Qcow2ImageOptions { ReadOnly = true, ImplicitOpens = ImplicitOpenPolicy.AllowAll };
        await using Qcow2Image disk = await Qcow2Image.OpenAsync(image, trusting);
        byte[] stolen = new byte[11];
        await disk.ReadAsync(0, stolen);
        Assert.Equal("root:secret"u8.ToArray(), stolen);
    }

    [Fact]
    public async Task Cve_2024_32498_backing_file()
    {
        string image = Write("disk.qcow2", AttackImages.Qcow2(_secret, "raw"));
        await RefusedAsync(image, $"names the backing file '{_secret}'");
        await RefusedAsync(image, "its name is absolute", ImplicitOpenPolicy.WithinDirectory);
        await FoundAsync(image, InspectionFindingIds.BackingFile, InspectionFindingIds.UnsafeName);
    }

    [Fact]
    public async Task Cve_2024_4467_json_data_file()
    {
        string name = $"json:{{\"driver\":\"file\",\"filename\":\"{_secret}\"}}";
        string image = Write("disk.qcow2", AttackImages.Qcow2WithRawDataFile(name));
        await RefusedAsync(image, "names the external data file 'json:{");
        await RefusedAsync(image, "its name is a tree of options", ImplicitOpenPolicy.WithinDirectory);

        // Even where everything is allowed the name is that of a plain file, which is not there.
        BlockException failure = await RefusedAsync(image, "Could not open 'json:{", ImplicitOpenPolicy.AllowAll);
        Assert.Equal(Errno.NoEntry, failure.Errno);
        await FoundAsync(image, InspectionFindingIds.DataFile, InspectionFindingIds.UnsafeName);
    }

    [Theory]
    [InlineData("json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"secret\"}}")]
    [InlineData("nbd:localhost:10809")]
    [InlineData("https://internal.example/disk")]
    [InlineData("../secret")]
    public async Task Other_names_of_backing_files(string name)
    {
        string image = Write("disk.qcow2", AttackImages.Qcow2(name, "raw"));
        await RefusedAsync(image, "names the backing file");
        await RefusedAsync(image, "names the backing file", ImplicitOpenPolicy.WithinDirectory);
        await FoundAsync(image, InspectionFindingIds.BackingFile, InspectionFindingIds.UnsafeName);
    }

    [Fact]
    public async Task Cve_2022_47951_flat_vmdk()
    {
        string image = Write("disk.vmdk", AttackImages.FlatVmdk(_secret));
        await RefusedAsync(image, "Image is not in qcow2 format");
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await OpenByProbingAsync(image, OpenFlags.None));
        Assert.Equal(BlockErrorKind.Unsupported, failure.Kind);
        await FoundAsync(image, InspectionFindingIds.ExtentFile, InspectionFindingIds.UnsafeName);

        // Declared to be something else, or by a path of another shape.
        await FoundInAsync(image, "qcow2", [InspectionFindingIds.FormatMismatch]);
        string relative = Write("relative.vmdk", AttackImages.FlatVmdk("../secret"));
        await FoundAsync(relative, InspectionFindingIds.ExtentFile, InspectionFindingIds.UnsafeName);
        string beside = Write("beside.vmdk", AttackImages.FlatVmdk("secret"));
        await FoundAsync(beside, InspectionFindingIds.ExtentFile);
    }

    [Fact]
    public async Task Cve_2026_24708_raw_disk_that_its_guest_made_a_qcow2_image()
    {
        string image = Write("disk", AttackImages.RawDiskWith(AttackImages.Qcow2(_secret, "raw")));
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await OpenByProbingAsync(image, OpenFlags.ReadWrite | OpenFlags.Resize));
        Assert.Contains("is not probed", failure.Message, StringComparison.Ordinal);

        await using BlockNode disk = await CreateOpener().OpenAsync(image, OpenFlags.ReadWrite, format: "raw");
        Assert.Equal(AttackImages.DiskBytes, disk.LengthBytes);
        await FoundInAsync(image, "raw", [InspectionFindingIds.FormatMismatch, InspectionFindingIds.BackingFile]);
    }

    [Fact]
    public async Task Cve_2026_24708_backing_file_without_a_format()
    {
        Write("base", AttackImages.RawDiskWith(AttackImages.Qcow2(_secret, "raw")));
        string image = Write("overlay.qcow2", AttackImages.Qcow2("base"));
        await RefusedAsync(image, "would be found out from its content", ImplicitOpenPolicy.WithinDirectory);
        await FoundAsync(image, InspectionFindingIds.BackingFormatMissing);

        string typed = Write("typed.qcow2", AttackImages.Qcow2("base", "raw"));
        var confined = new Qcow2ImageOptions { ImplicitOpens = ImplicitOpenPolicy.WithinDirectory };
        await using Qcow2Image disk = await Qcow2Image.OpenAsync(typed, confined);
        byte[] start = new byte[4];
        await disk.ReadAsync(0, start);
        Assert.Equal("QFI\u00fb"u8[..3].ToArray(), start[..3]);
    }

    [Fact]
    public async Task The_inspection_of_a_path_refuses_what_is_no_file()
    {
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await ImageInspector.InspectAsync(_folder));
        Assert.Equal(BlockErrorKind.InvalidFormat, failure.Kind);
        failure = await Assert.ThrowsAsync<BlockException>(
            async () => await ImageInspector.InspectAsync(Path.Combine(_folder, "missing")));
        Assert.Equal(BlockErrorKind.NotFound, failure.Kind);
        Assert.Equal(
            InspectionVerdict.NotAnImage, (await ImageInspector.InspectAsync(Write("empty", []))).Verdict);
    }

    private static async Task<BlockException> RefusedAsync(
        string image, string reason, ImplicitOpenPolicy? policy = null)
    {
        var options = new Qcow2ImageOptions { ReadOnly = true };
        if (policy is not null)
            options = options with { ImplicitOpens = policy };
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await Qcow2Image.OpenAsync(image, options));
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        return failure;
    }

    private static Task FoundAsync(string image, params string[] ids) => FoundInAsync(image, null, ids);

    private static async Task FoundInAsync(string image, string? declared, string[] ids)
    {
        var options = new InspectionOptions { DeclaredFormat = declared };
        InspectionReport ofFile = await ImageInspector.InspectAsync(image, options);
        await using FileStream stream = File.OpenRead(image);
        InspectionReport ofStream = await ImageInspector.InspectAsync(stream, options);
        Assert.Equal(InspectionVerdict.Unsafe, ofFile.Verdict);
        Assert.Equal(ofFile.Findings, ofStream.Findings);
        foreach (string id in ids)
        {
            Assert.Contains(
                ofFile.Findings, finding => finding.Id == id && finding.Severity == InspectionSeverity.Danger);
        }
    }

    private static ValueTask<BlockNode> OpenByProbingAsync(string image, OpenFlags flags) =>
        CreateOpener().OpenAsync(image, flags);

    private static ImageOpener CreateOpener() =>
        new(new DriverRegistry(new RawDriver(), new Qcow2Driver(), new FileDriver()));

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
