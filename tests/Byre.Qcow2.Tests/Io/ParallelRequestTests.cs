using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Check;
using Byre.Qcow2.Tests.Compression;
using Byre.Qcow2.Tests.Driver;
using Byre.Storage.Tests.Support;

namespace Byre.Qcow2.Tests.Io;

/// <summary>
/// Seeded programs on real files with many requests in flight, through an io_uring and on worker threads, with the
/// options of every cache. Requests in flight share clusters, tables and subclusters, but no bytes: what the disk shows
/// is known at every moment. <c>BYRE_SEED</c> chooses other programs.
/// </summary>
public sealed class ParallelRequestTests : IDisposable
{
    private const string TinyCaches = "l2-cache-entry-size=512,l2-cache-size=1024,refcount-cache-size=";

    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("BYRE_SEED") ?? "1");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("byre-parallel-");
    private readonly Images _images = new();

    /// <summary>How the image is made, how it is opened, whether it has a backing file.</summary>
    public static TheoryData<string, string, bool> Cases => new()
    {
        { "cluster_size=64k", "", true },
        { "cluster_size=64k", "cache.direct=on,discard-no-unref=on,discard=unmap", false },
        { "cluster_size=512", TinyCaches + "2k", true },
        { "cluster_size=4k,refcount_bits=64", TinyCaches + "16k,cache.direct=on", false },
        { "cluster_size=4k,lazy_refcounts=on", "data-cache-size=32k,discard=unmap", true },
        { "cluster_size=64k", "data-cache-size=1M,cache.direct=on", true },
        { "cluster_size=16k,extended_l2=on", TinyCaches + "64k,cache.direct=on", true },
        { "cluster_size=128k,extended_l2=on", "data-cache-size=1M,cache.direct=on,discard=unmap", true },
        { "cluster_size=4k,compression_type=zstd", "compressed-cache-size=4k", false },
        { "cluster_size=16k", "compressed-cache-size=0,cache.direct=on", true },
        { "cluster_size=64k,compat=0.10", "cache.direct=on", true },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Requests_through_a_ring_agree_with_an_array(string create, string open, bool hasBacking) =>
        LoopThread.Run(_ => RunAsync(create, open, hasBacking));

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Requests_on_worker_threads_agree_with_an_array(string create, string open, bool hasBacking) =>
        Task.Run(() => RunAsync(create, open + ",aio=threads", hasBacking));

    public void Dispose() => _folder.Delete(recursive: true);

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private async Task RunAsync(string create, string open, bool hasBacking)
    {
        OptionSet created = Create.ImageCreatorTests.ToOptions(create);
        int clusterBytes = (int)SizeText.Parse("cluster_size", created["cluster_size"]!);
        int diskBytes = Math.Clamp(clusterBytes * 96, 1 << 20, 8 << 20);
        byte[] model = new byte[diskBytes];
        string options = create;
        if (hasBacking)
        {
            new Random(5).NextBytes(model.AsSpan(0, diskBytes / 3 * 2));
            await File.WriteAllBytesAsync(At("base"), model);
            options += $",backing_file={At("base")},backing_fmt=raw";
        }

        string fileOptions = ToFileOptions(open);
        await _images.CreateAsync(At("disk"), options, diskBytes.ToString());
        ParallelProgram? before = null;
        for (int session = 0; session < 3; session++)
        {
            BlockNode node = await _images.OpenAsync(At("disk"), fileOptions, OpenFlags.ReadWrite | OpenFlags.Unmap);
            await using (node)
            {
                var program = new ParallelProgram(node, model, clusterBytes, new Random(s_seed + session))
                {
                    Before = before,
                    // A part of a cluster that is discarded in version 2 shows the backing file again.
                    Discards = !create.Contains("compat=0.10", StringComparison.Ordinal),
                };
                await program.RunAsync(requests: 400);
                before = program;
                CheckReport report = await ((ICheckableImage)node).CheckAsync(new CheckOptions());
                Assert.Equal((0, 0, 0), (report.Corruptions, report.Leaks, report.CheckErrors));
            }
        }

        byte[] bytes = new byte[diskBytes];
        await using (BlockNode node = await _images.OpenAsync(At("disk"), "", OpenFlags.None))
            await node.ReadAsync(0, bytes);
        Assert.True(bytes.AsSpan().SequenceEqual(model));
        if (Peer.Exists("qemu-img"))
            await Peer.RunAsync("qemu-img", "check", "-q", At("disk"));
    }

    /// <summary>Options that are the file's get the prefix that says so.</summary>
    private static string ToFileOptions(string options) => string.Join(
        ',',
        options.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(option => option.StartsWith("aio=", StringComparison.Ordinal) ? "file." + option : option));
}
