using System.Diagnostics;
using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;
using Byre.Qcow2.Metadata;

namespace Byre.Cli.Demo;

/// <summary>
/// The demonstration: a disk with an overlay, converted to compressed and back, checked and compared. Everything
/// goes through the verbs
/// and the block layer that users have. Not thread-safe.
/// </summary>
internal sealed class Demonstration(ProgramContext context, string folder)
{
    private const string DiskSize = "1G";
    private const int SequentialBytes = 64 << 20;
    private const int ChunkBytes = 1 << 20;
    private const int RandomWrites = 2000;
    private const int PageBytes = 4096;
    private const int Seed = 20;

    private readonly List<DemoRow> _rows = [];

    /// <summary>What was done so far.</summary>
    public IReadOnlyList<DemoRow> Rows => _rows;

    private string Base => Path.Combine(folder, "base.qcow2");

    private string Overlay => Path.Combine(folder, "overlay.qcow2");

    private string Compressed => Path.Combine(folder, "compressed.qcow2");

    private string Plain => Path.Combine(folder, "plain.qcow2");

    /// <summary>Runs all steps.</summary>
    /// <exception cref="BlockException">A step failed.</exception>
    public async ValueTask RunAsync()
    {
        await MakeDiskAsync().ConfigureAwait(false);
        await MakeOverlayAsync().ConfigureAwait(false);
        await StepAsync(
            "convert both into one image, zstd",
            Compressed,
            () => RunVerbAsync("convert", "-O", "qcow2", "-c", "-o", "compression_type=zstd", Overlay, Compressed))
            .ConfigureAwait(false);
        await StepAsync(
            "convert it back, not compressed", Plain, () => RunVerbAsync("convert", "-O", "qcow2", Compressed, Plain))
            .ConfigureAwait(false);
        await StepAsync("check all four images", null, CheckAllAsync).ConfigureAwait(false);
        await StepAsync("compare the last with the overlay", null, CompareAsync).ConfigureAwait(false);
        await LetPeerJudgeAsync().ConfigureAwait(false);
    }

    private static string Count(double number, string unit) =>
        string.Create(CultureInfo.InvariantCulture, $"{number:N0} {unit}");

    private static (long Hits, long All)? CountLookups(BlockNode node) =>
        node is IMetadataCaches { L2Statistics: var l2 } ? (l2.Hits, l2.Hits + l2.Misses) : null;

    private async ValueTask MakeDiskAsync()
    {
        await StepAsync(
            $"create a disk of {DiskSize}", Base, () => RunVerbAsync("create", "-q", "-f", "qcow2", Base, DiskSize))
            .ConfigureAwait(false);

        await WithImageAsync($"write {SequentialBytes >> 20} MiB to it", Base, OpenFlags.ReadWrite, async disk =>
        {
            byte[] chunk = new byte[ChunkBytes];
            var random = new Random(Seed);
            for (long offset = 0; offset < SequentialBytes; offset += ChunkBytes)
            {
                Fill(chunk, random);
                await disk.WriteAsync(offset, chunk).ConfigureAwait(false);
            }

            await disk.FlushAsync().ConfigureAwait(false);
            return elapsed => Count((SequentialBytes >> 20) / elapsed.TotalSeconds, "MiB/s");
        }).ConfigureAwait(false);
    }

    private async ValueTask MakeOverlayAsync()
    {
        const string Options = "cluster_size=128k,extended_l2=on";
        await StepAsync(
            "create an overlay with subclusters",
            Overlay,
            () => RunVerbAsync("create", "-q", "-f", "qcow2", "-b", Base, "-F", "qcow2", "-o", Options, Overlay))
            .ConfigureAwait(false);
        string pages = Count(RandomWrites, "random pages of 4 KiB");
        await WithImageAsync("write " + pages, Overlay, OpenFlags.ReadWrite, WritePagesAsync).ConfigureAwait(false);
        await WithImageAsync("read them back and verify", Overlay, OpenFlags.None, ReadPagesAsync)
            .ConfigureAwait(false);
    }

    private static async ValueTask<Func<TimeSpan, string>> WritePagesAsync(BlockBackend disk)
    {
        foreach ((long offset, byte[] page) in Pages())
            await disk.WriteAsync(offset, page).ConfigureAwait(false);
        await disk.FlushAsync().ConfigureAwait(false);
        return elapsed => Count(RandomWrites / elapsed.TotalSeconds, "IOPS");
    }

    private static async ValueTask<Func<TimeSpan, string>> ReadPagesAsync(BlockBackend disk)
    {
        // A page may have been written twice: the last content counts.
        var expected = new Dictionary<long, byte[]>();
        foreach ((long offset, byte[] page) in Pages())
            expected[offset] = page;
        byte[] actual = new byte[PageBytes];
        foreach ((long offset, byte[] page) in expected)
        {
            await disk.ReadAsync(offset, actual).ConfigureAwait(false);
            if (!actual.AsSpan().SequenceEqual(page))
                throw BlockException.FromErrno($"The page at {offset} reads back wrong", Errno.InputOutput);
        }

        return elapsed => "as written, " + Count(expected.Count / elapsed.TotalSeconds, "IOPS");
    }

    private async ValueTask<string> CheckAllAsync()
    {
        foreach (string image in new[] { Base, Overlay, Compressed, Plain })
            await RunVerbAsync("check", "-q", image).ConfigureAwait(false);
        return "no errors, no leaks";
    }

    private async ValueTask<string> CompareAsync()
    {
        await RunVerbAsync("compare", "-q", Overlay, Plain).ConfigureAwait(false);
        return "identical";
    }

    private async ValueTask LetPeerJudgeAsync()
    {
        if (PeerTools.Find() is not { } peer)
        {
            _rows.Add(new DemoRow("QEMU's qemu-img", null, TimeSpan.Zero, "not installed: nothing checked with it"));
            return;
        }

        await StepAsync("QEMU's qemu-img checks and compares", null, async () =>
        {
            foreach (string image in new[] { Base, Overlay, Compressed, Plain })
            {
                if (!await peer.RunAsync("check", "-q", image).ConfigureAwait(false))
                    throw BlockException.FromErrno($"QEMU's check finds errors in {image}", Errno.InputOutput);
            }

            foreach (string image in new[] { Compressed, Plain })
            {
                if (!await peer.RunAsync("compare", "-q", Overlay, image).ConfigureAwait(false))
                    throw BlockException.FromErrno($"QEMU's compare finds {image} different", Errno.InputOutput);
            }

            return "no errors, identical";
        }).ConfigureAwait(false);
    }

    /// <summary>Runs a step and adds its row; where it makes a file, its size is told.</summary>
    private async ValueTask StepAsync(string what, string? file, Func<ValueTask<string>> work)
    {
        long started = Stopwatch.GetTimestamp();
        string remark = await work().ConfigureAwait(false);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
        long? hostBytes = file is null ? null : await FindHostBytesAsync(file).ConfigureAwait(false);
        _rows.Add(new DemoRow(what, hostBytes, elapsed, remark));
    }

    private async ValueTask<string> RunVerbAsync(params string[] words)
    {
        Verb verb = VerbTable.Find(words[0])!;
        int status = await verb.RunAsync(words, context).ConfigureAwait(false);
        if (status != 0)
        {
            string command = string.Join(' ', words);
            throw BlockException.FromErrno($"'{command}' failed with exit status {status}", Errno.InputOutput);
        }

        return "";
    }

    /// <summary>Opens an image, works on it and closes it; the row tells of all three, and of the cache.</summary>
    private async ValueTask WithImageAsync(
        string what, string file, OpenFlags flags, Func<BlockBackend, ValueTask<Func<TimeSpan, string>>> work)
    {
        long started = Stopwatch.GetTimestamp();
        Func<TimeSpan, string> describe;
        (long Hits, long All)? lookups;
        var images = new ImageArguments(context) { Format = "qcow2" };
        BlockBackend disk = await images.OpenAsync(file, flags).ConfigureAwait(false);
        await using (disk.ConfigureAwait(false))
        {
            describe = await work(disk).ConfigureAwait(false);
            lookups = CountLookups(disk.Root);
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
        long? hostBytes = (flags & OpenFlags.ReadWrite) != 0
            ? await FindHostBytesAsync(file).ConfigureAwait(false)
            : null;
        _rows.Add(new DemoRow(what, hostBytes, elapsed, describe(elapsed)) { CacheLookups = lookups });
    }

    /// <summary>Bytes that a file takes on the host.</summary>
    private async ValueTask<long?> FindHostBytesAsync(string file)
    {
        BlockNode node = await context.Images.OpenAsync(file, new OptionSet { ["driver"] = "file" }, OpenFlags.Protocol)
            .ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
            return await node.GetAllocatedBytesAsync().ConfigureAwait(false);
    }

    /// <summary>A quarter noise, a half text that compresses, a quarter zeroes.</summary>
    private static void Fill(byte[] chunk, Random random)
    {
        Span<byte> text = chunk.AsSpan(chunk.Length / 4, chunk.Length / 2);
        random.NextBytes(chunk.AsSpan(0, chunk.Length / 4));
        for (int i = 0; i < text.Length; i++)
            text[i] = (byte)"the quick brown fox jumps over the lazy dog "[(i + (i >> 10)) % 44];
        chunk.AsSpan(chunk.Length * 3 / 4).Clear();
    }

    private static IEnumerable<(long Offset, byte[] Page)> Pages()
    {
        var random = new Random(Seed);
        for (int i = 0; i < RandomWrites; i++)
        {
            byte[] page = new byte[PageBytes];
            long offset = random.NextInt64((1L << 30) / PageBytes) * PageBytes;
            random.NextBytes(page);
            yield return (offset, page);
        }
    }
}
