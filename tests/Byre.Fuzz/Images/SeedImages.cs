using System.Text;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;

namespace Byre.Fuzz.Images;

/// <summary>
/// The images that mutants are made from: one for each shape that the format can have, small, with something of
/// everything in it. Made by the engine; those it cannot make (persistent bitmaps) come from files beside this one.
/// </summary>
internal static class SeedImages
{
    private const string ResourcePrefix = "Byre.Fuzz.Seeds.";

    public static IReadOnlyList<SeedImage> All { get; } = [.. CreateAll(), .. LoadAll()];

    private static IEnumerable<SeedImage> CreateAll()
    {
        int[] sizes = [512, 1024, 4096, 16384, 65536];
        int[] refcounts = [1, 2, 4, 8, 16, 32, 64];
        int turn = 0;
        foreach (int clusterSize in sizes)
        {
            for (int i = 0; i < 3; i++, turn++)
            {
                int bits = i == 0 ? 16 : refcounts[turn % refcounts.Length];
                yield return Create($"v3-{clusterSize}-{bits}", Options(clusterSize) with { RefcountBits = bits });
            }

            yield return Create($"v2-{clusterSize}", Options(clusterSize) with { Version = 2 });
            yield return Create(
                $"zstd-{clusterSize}", Options(clusterSize) with { CompressionType = CompressionType.Zstd });
            yield return Create($"backing-{clusterSize}", WithBacking(Options(clusterSize)));
            yield return Create($"lazy-{clusterSize}", Options(clusterSize) with { LazyRefcounts = true });
            yield return Create(
                $"data-{clusterSize}", Options(clusterSize) with { DataFileName = "data.raw" }, internals: false);
            yield return Decorate(Create($"extensions-{clusterSize}", Options(clusterSize)), AddUnknownExtension);
            yield return Decorate(Create($"luks-{clusterSize}", Options(clusterSize), internals: false), AddLuks);
            if (clusterSize < 16384)
                continue;
            yield return Create($"subclusters-{clusterSize}", Options(clusterSize) with { ExtendedL2 = true });
            yield return Create(
                $"subclusters-backing-{clusterSize}", WithBacking(Options(clusterSize) with { ExtendedL2 = true }));
        }
    }

    private static Qcow2CreateOptions Options(int clusterSize) => new()
    {
        ClusterSizeBytes = clusterSize,
        SizeBytes = Math.Clamp(clusterSize * 100, 100 << 10, 1 << 20),
    };

    private static Qcow2CreateOptions WithBacking(Qcow2CreateOptions options) =>
        options with { BackingFileName = "base.raw", BackingFormat = "raw" };

    private static IEnumerable<SeedImage> LoadAll()
    {
        System.Reflection.Assembly assembly = typeof(SeedImages).Assembly;
        foreach (string name in assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            if (!name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
                continue;
            using Stream stream = assembly.GetManifestResourceStream(name)!;
            using var reader = new StreamReader(stream);
            yield return ToSeed(name[ResourcePrefix.Length..], ImageCase.Parse(reader.ReadToEnd()).Image);
        }
    }

    private static SeedImage Create(string name, Qcow2CreateOptions options, bool internals = true)
    {
        var image = new SparseImage();
        var file = new FuzzStorage(image);
        Wait(ImageCreator.WriteEmptyAsync(file, options, CancellationToken.None));
        BlockNode node = FuzzImage.Open(image, OpenFlags.ReadWrite, new OptionSet());
        int cluster = options.ClusterSizeBytes;
        Write(node, 0, (cluster * 5) + 700, 0x11);
        Wait(node.WriteZeroesAsync(new ByteRange(cluster * 2, cluster)));
        if (internals && options.RefcountBits >= 4)
        {
            Write(node, cluster * 8, cluster, 0x22, RequestFlags.Compressed);
            Write(node, cluster * 9, cluster, 0x33, RequestFlags.Compressed);
            var store = (ISnapshotStore)node;
            Wait(store.CreateSnapshotAsync(new SnapshotInfo("", "first")));
            Write(node, cluster * 3, cluster / 2, 0x44);
            Wait(store.CreateSnapshotAsync(new SnapshotInfo("", "second") { VmClockNanoseconds = 7 }));
        }

        else if (internals)
        {
            // Narrow counts have no room for two compressed clusters in one place, or for snapshots.
            Write(node, cluster * 8, cluster, 0x22, RequestFlags.Compressed);
        }

        Write(node, options.SizeBytes - cluster, cluster / 2, 0x55);
        Wait(node.DisposeAsync());
        return ToSeed(name, image);
    }

    private static SeedImage Decorate(SeedImage seed, Action<SparseImage, ImageMap> change)
    {
        SparseImage image = seed.Image.Copy();
        change(image, seed.Map);
        return ToSeed(seed.Name, image);
    }

    private static void AddUnknownExtension(SparseImage image, ImageMap map)
    {
        image.WriteBigEndian(map.ExtensionsEnd, 4, 0x1234_5678);
        image.WriteBigEndian(map.ExtensionsEnd + 4, 4, 5);
        image.Write(map.ExtensionsEnd + 8, "hello"u8);
    }

    /// <summary>The pointer to a LUKS header, and the start of one in a cluster of its own.</summary>
    private static void AddLuks(SparseImage image, ImageMap map)
    {
        long place = (image.LengthBytes + (1L << map.ClusterBits) - 1) & -(1L << map.ClusterBits);
        image.WriteBigEndian(32, 4, 2);
        image.WriteBigEndian(map.ExtensionsEnd, 4, HeaderExtension.CryptoHeader);
        image.WriteBigEndian(map.ExtensionsEnd + 4, 4, 16);
        image.WriteBigEndian(map.ExtensionsEnd + 8, 8, (ulong)place);
        image.WriteBigEndian(map.ExtensionsEnd + 16, 8, 1024);
        image.Write(place, [.. "LUKS"u8, 0xba, 0xbe, 0, 1]);
        image.Write(place + 8, Encoding.ASCII.GetBytes("aes".PadRight(32, '\0') + "xts-plain64".PadRight(32, '\0')));
        image.Write(place + 72, "sha256"u8);
        image.WriteBigEndian(place + 104, 4, 4096);
        image.WriteBigEndian(place + 108, 4, 64);
        image.SetLength(place + Math.Max(1024, 1L << map.ClusterBits));
        ImageTable counts = map.Tables.First(table => table.Kind == FieldKind.Refcount);
        for (long cluster = place >> map.ClusterBits; cluster << map.ClusterBits < image.LengthBytes; cluster++)
            image.WriteBigEndian(counts[(int)cluster].Offset, counts.EntryBytes, 1);
    }

    private static SeedImage ToSeed(string name, SparseImage image)
    {
        SparseImage frozen = image.Copy();
        return new SeedImage(name, frozen, new ImageMap(frozen));
    }

    private static void Write(
        BlockNode node, long offset, int count, byte pattern, RequestFlags flags = RequestFlags.None)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
            bytes[i] = (byte)(pattern + (i >> 9));
        Wait(node.WriteAsync(offset, bytes, flags));
    }

    private static void Wait(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    private static void Wait(ValueTask<ImageHeader> task) => task.AsTask().GetAwaiter().GetResult();
}
