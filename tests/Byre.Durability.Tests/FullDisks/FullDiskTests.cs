using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Durability.Tests.Kills;
using Byre.Durability.Tests.Support;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Tests.Shared;

namespace Byre.Durability.Tests.FullDisks;

/// <summary>
/// Real file systems without space: the request that needs some fails and says why, nothing flushed is lost, the
/// metadata stays consistent, and once there is space the same open image goes on.
/// </summary>
public sealed class FullDiskTests
{
    private const int ImageBytes = 6 << 20;

    [SmallDiskTheory]
    [InlineData("tmpfs", 65536, false)]
    [InlineData("tmpfs", 4096, false)]
    [InlineData("ext4", 65536, false)]
    [InlineData("ext4", 4096, true)]
    public async Task An_open_image_goes_on_when_there_is_space_again(string type, int clusterBytes, bool lazyRefcounts)
    {
        using SmallDisk? disk = SmallDisk.TryMount(type);
        if (disk is null)
            return;
        string path = disk["disk.qcow2"];
        var options = new Qcow2CreateOptions
        {
            SizeBytes = ImageBytes,
            ClusterSizeBytes = clusterBytes,
            LazyRefcounts = lazyRefcounts,
        };
        var random = new Random(Settings.Seed);
        var model = new DiskModel(new byte[ImageBytes]);
        int refused = 0;
        await using (Qcow2Image image = await Qcow2Image.CreateAsync(path, options))
        {
            disk.Fill(freeBytes: 1 << 20);
            for (int step = 0; step < 150; step++)
                refused += await StepAsync(image, model, random, clusterBytes) ? 0 : 1;
            Assert.True(refused > 5, "the disk was not full");
            await ReadAsync(image, model);

            disk.MakeSpace();
            refused = 0;
            for (int step = 0; step < 50; step++)
                refused += await StepAsync(image, model, random, clusterBytes) ? 0 : 1;
            Assert.Equal(0, refused);
            await image.FlushAsync();
            model.Flushed();
            await ReadAsync(image, model);
        }

        Assert.Null(model.FindLoss(await ImageVerifier.ReadAsync(path)));
        (CheckReport report, string findings) = await ImageVerifier.CheckAsync(path);
        Assert.True(report.Corruptions == 0 && report.CheckErrors == 0, findings);
    }

    [SmallDiskTheory]
    [InlineData("tmpfs")]
    [InlineData("ext4")]
    public async Task What_was_written_through_is_there_after_the_disk_was_full(string type)
    {
        using SmallDisk? disk = SmallDisk.TryMount(type);
        if (disk is null)
            return;
        string path = disk["disk.qcow2"];
        Programs.RunOurs("create", "-q", "-f", "qcow2", path, "6M");
        disk.Fill(freeBytes: 1 << 20);
        var arguments = new List<string> { "io", "-t", "writethrough" };
        for (int i = 0; i < 24; i++)
            arguments.AddRange(["-c", $"write -P {i + 1} {i * 128}k 128k"]);
        ToolResult result = Programs.Run(Programs.Byre!, [.. arguments, path]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("write failed: No space left on device", result.Output, StringComparison.Ordinal);

        byte[] content = await ImageVerifier.ReadAsync(path);
        string[] lines = [.. result.Output.Split('\n').Where(line => line.StartsWith('w'))];
        Assert.Equal(24, lines.Length);
        for (int i = 0; i < lines.Length; i++)
        {
            ReadOnlySpan<byte> part = content.AsSpan(i * (128 << 10), 128 << 10);
            if (lines[i].StartsWith("wrote", StringComparison.Ordinal))
                Assert.False(part.ContainsAnyExcept((byte)(i + 1)), $"write {i} is lost");
            else
                Assert.False(part.ContainsAnyExcept((byte)(i + 1), (byte)0), $"write {i} shows foreign bytes");
        }

        (CheckReport report, string findings) = await ImageVerifier.CheckAsync(path);
        Assert.True(report.Corruptions == 0 && report.CheckErrors == 0, findings);
    }

    [SmallDiskTheory]
    [InlineData("tmpfs", "off", 0, "Could not write qcow2 header: No space left on device")]
    [InlineData("tmpfs", "metadata", 100_000, "No space left on device")]
    [InlineData("tmpfs", "falloc", 1_000_000, "Could not preallocate new data: No space left on device")]
    [InlineData("ext4", "full", 1_000_000, "Could not write zeros for preallocation: No space left on device")]
    public void A_creation_that_fails_leaves_no_file(string type, string preallocation, int freeBytes, string complaint)
    {
        using SmallDisk? disk = SmallDisk.TryMount(type);
        if (disk is null)
            return;
        disk.Fill(freeBytes);
        string path = disk["new.qcow2"];
        ToolResult result = Programs.Run(
            Programs.Byre!, "create", "-q", "-f", "qcow2", "-o", $"preallocation={preallocation}", path, "6M");
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"byre: {path}: Could not ", result.Errors, StringComparison.Ordinal);
        Assert.EndsWith(complaint + "\n", result.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [SmallDiskTheory]
    [InlineData("tmpfs", "qcow2")]
    [InlineData("ext4", "raw")]
    public void A_conversion_that_fails_says_why(string type, string format)
    {
        using SmallDisk? disk = SmallDisk.TryMount(type);
        if (disk is null)
            return;
        using var folder = new WorkFolder(inMemory: true);
        byte[] content = new byte[4 << 20];
        new Random(Settings.Seed).NextBytes(content);
        File.WriteAllBytes(folder["source"], content);
        disk.Fill(freeBytes: 1 << 20);
        string target = disk["target"];
        ToolResult result = Programs.Run(
            Programs.Byre!, "convert", "-f", "raw", "-O", format, folder["source"], target);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("error while writing at byte ", result.Errors, StringComparison.Ordinal);
        Assert.EndsWith(": No space left on device\n", result.Errors, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllBytes(folder["source"]));
        // As the peer: what was copied so far stays.
        Assert.True(File.Exists(target));
    }

    [SmallDiskTheory]
    [InlineData("tmpfs")]
    [InlineData("ext4")]
    public async Task A_snapshot_that_fails_changes_nothing(string type)
    {
        using SmallDisk? disk = SmallDisk.TryMount(type);
        if (disk is null)
            return;
        string path = disk["disk.qcow2"];
        Programs.RunOurs("create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", path, "2M");
        Programs.RunOurs("io", "-c", "write -P 1 0 1M", path);
        byte[] before = await ImageVerifier.ReadAsync(path);
        disk.Fill(freeBytes: 0);
        ToolResult result = Programs.Run(Programs.Byre!, "snapshot", "-c", "first", path);
        Assert.Equal(1, result.ExitCode);
        Assert.EndsWith(
            "Could not create snapshot 'first': No space left on device\n",
            result.Errors,
            StringComparison.Ordinal);
        Assert.Equal(before, await ImageVerifier.ReadAsync(path));
        (CheckReport report, string findings) = await ImageVerifier.CheckAsync(path);
        Assert.True(report.Corruptions == 0 && report.CheckErrors == 0, findings);

        disk.MakeSpace();
        Programs.RunOurs("snapshot", "-c", "first", path);
        Programs.RunOurs("snapshot", "-d", "first", path);
        Assert.Equal(before, await ImageVerifier.ReadAsync(path));
    }

    /// <summary>Returns whether there was space.</summary>
    private static async Task<bool> StepAsync(Qcow2Image image, DiskModel model, Random random, int clusterBytes)
    {
        int offset = random.Next(ImageBytes / 512) * 512;
        int length = Math.Min(random.Next(1, 100) * 512, ImageBytes - offset);
        byte value = (byte)random.Next(1, 256);
        int kind = random.Next(8);
        try
        {
            switch (kind)
            {
                case 0:
                    await image.FlushAsync();
                    model.Flushed();
                    return true;
                case 1:
                    value = 0;
                    await image.WriteZeroesAsync(new ByteRange(offset, length));
                    break;
                case 2:
                    value = 0;
                    offset = offset / clusterBytes * clusterBytes;
                    length = clusterBytes;
                    await image.DiscardAsync(new ByteRange(offset, length));
                    break;
                default:
                    byte[] bytes = new byte[length];
                    bytes.AsSpan().Fill(value);
                    await image.WriteAsync(offset, bytes);
                    break;
            }

            model.Fill(offset, length, value);
            return true;
        }
        catch (BlockException failure)
        {
            Assert.Equal(Errno.NoSpace, failure.Errno);
            if (kind != 0)
                model.Fill(offset, length, value, isCertain: false);
            return false;
        }
    }

    private static async Task ReadAsync(Qcow2Image image, DiskModel model)
    {
        byte[] content = new byte[ImageBytes];
        await image.ReadAsync(0, content);
        Assert.Null(model.FindWrong(content));
    }
}
