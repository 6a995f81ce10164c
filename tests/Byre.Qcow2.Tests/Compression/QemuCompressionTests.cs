using System.Buffers.Binary;
using Byre.Qcow2.Compression;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Compression;

/// <summary>Streams of ours read by others, and theirs by us.</summary>
public sealed class QemuCompressionTests : IDisposable
{
    private const int ClusterCount = 24;

    private readonly string _folder = Directory.CreateTempSubdirectory("byre-codec-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [PeerTheory("qemu-img")]
    [InlineData("zlib", 9)]
    [InlineData("zlib", 16)]
    [InlineData("zlib", 21)]
    [InlineData("zstd", 9)]
    [InlineData("zstd", 16)]
    [InlineData("zstd", 21)]
    public async Task What_qemu_compressed_we_read(string type, int clusterBits)
    {
        byte[] disk = Disk(1 << clusterBits);
        string raw = Path.Combine(_folder, "disk.raw");
        string image = Path.Combine(_folder, "disk.qcow2");
        await File.WriteAllBytesAsync(raw, disk);
        string options = $"cluster_size={1 << clusterBits},compression_type={type}";
        await Peer.RunAsync("qemu-img", "convert", "-c", "-O", "qcow2", "-o", options, raw, image);

        int compressed = CheckCompressedClusters(await File.ReadAllBytesAsync(image), disk, clusterBits, type);
        Assert.InRange(compressed, ClusterCount / 2, ClusterCount);
    }

    [PeerTheory("qemu-img")]
    [InlineData("zlib", 9)]
    [InlineData("zlib", 16)]
    [InlineData("zlib", 21)]
    [InlineData("zlib-system", 16)]
    [InlineData("zstd", 9)]
    [InlineData("zstd", 16)]
    [InlineData("zstd", 21)]
    public async Task What_we_compressed_qemu_reads(string codec, int clusterBits)
    {
        byte[] disk = Disk(1 << clusterBits);
        string raw = Path.Combine(_folder, "back.raw");
        string image = Path.Combine(_folder, "ours.qcow2");
        await File.WriteAllBytesAsync(image, BuildImage(disk, clusterBits, codec));
        await Peer.RunAsync("qemu-img", "convert", "-O", "raw", image, raw);
        byte[] back = await File.ReadAllBytesAsync(raw);
        Assert.True(disk.AsSpan().SequenceEqual(back));
    }

    [PeerTheory("python3")]
    [InlineData("zlib")]
    [InlineData("zlib-system")]
    public async Task What_we_deflated_another_zlib_inflates_within_the_small_window(string codecName)
    {
        ClusterCodec codec = ClusterCodecTests.Codec(codecName);
        byte[] cluster = [.. SampleData.Make("text", 100_000), .. SampleData.Make("records", 100_000)];
        byte[] compressed = new byte[cluster.Length];
        int length = codec.Compress(cluster, compressed);
        string stream = Path.Combine(_folder, "stream");
        string back = Path.Combine(_folder, "back");
        await File.WriteAllBytesAsync(stream, compressed[..length]);
        const string Program = """
            import sys, zlib
            stream = zlib.decompressobj(-12)
            data = stream.decompress(open(sys.argv[1], 'rb').read())
            assert stream.eof and not stream.unused_data
            open(sys.argv[2], 'wb').write(data)
            """;
        await Peer.RunAsync("python3", "-c", Program, stream, back);
        Assert.Equal(cluster, await File.ReadAllBytesAsync(back));
    }

    /// <summary>
    /// Clusters of every kind that compresses, of noise, and of repeats at and around the window's end.
    /// </summary>
    private static byte[] Disk(int clusterSize)
    {
        byte[] disk = new byte[ClusterCount * clusterSize];
        string[] kinds = ["one-byte", "text", "records", "sparse", "repeat", "noise"];
        for (int i = 0; i < ClusterCount; i++)
        {
            string kind = kinds[i % kinds.Length];
            Span<byte> cluster = disk.AsSpan(i * clusterSize, clusterSize);
            if (kind != "repeat")
            {
                SampleData.Make(kind, clusterSize).CopyTo(cluster);
                cluster[0] = (byte)i;
                continue;
            }

            byte[] block = SampleData.Make("noise", 4096 - 256 + (i * 16));
            for (int at = 0; at < clusterSize; at++)
                cluster[at] = block[at % block.Length];
        }

        return disk;
    }

    private static int CheckCompressedClusters(byte[] image, byte[] disk, int clusterBits, string codecName)
    {
        var geometry = new Geometry(clusterBits, refcountOrder: 4, extendedL2: false);
        ClusterCodec codec = ClusterCodecTests.Codec(codecName);
        byte[] cluster = new byte[geometry.ClusterSize];
        int compressed = 0;
        for (int i = 0; i < ClusterCount; i++)
        {
            L2Entry entry = L2Entry.Standard(ReadL2Entry(image, i, geometry));
            if (!entry.IsCompressed)
                continue;
            CompressedDescriptor descriptor = CompressedDescriptor.Decode(entry.Word, geometry);
            int start = (int)descriptor.Offset.Value;
            // The last sector may reach beyond the end of the file.
            int length = Math.Min(descriptor.LengthBytes, image.Length - start);
            codec.Decompress(image.AsSpan(start, length), cluster);
            Assert.True(cluster.AsSpan().SequenceEqual(disk.AsSpan(i * cluster.Length, cluster.Length)));
            compressed++;
        }

        return compressed;
    }

    private static ulong ReadL2Entry(byte[] image, int index, Geometry geometry)
    {
        int l1 = (int)BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(40));
        int l1Entry = l1 + ((index >> geometry.L2Bits) * 8);
        int l2 = (int)(BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(l1Entry)) & L2Entry.OffsetMask);
        int l2Entry = l2 + ((index & (geometry.L2EntryCount - 1)) * 8);
        return BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(l2Entry));
    }

    /// <summary>
    /// The smallest image that QEMU opens for reading: header, an empty refcount table, L1 table, L2 table, then the
    /// clusters, compressed ones packed byte by byte.
    /// </summary>
    private static byte[] BuildImage(byte[] disk, int clusterBits, string codecName)
    {
        var geometry = new Geometry(clusterBits, refcountOrder: 4, extendedL2: false);
        int size = geometry.ClusterSize;
        byte[] image = new byte[(5 * size) + (ClusterCount * 2 * size)];
        WriteHeader(image, disk.Length, clusterBits, isZstandard: codecName == "zstd");
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(2 * size), (uint)(3 * size) | L2Entry.CopiedFlag);
        ClusterCodec codec = ClusterCodecTests.Codec(codecName);
        int end = (4 * size) + 77;
        for (int i = 0; i < ClusterCount; i++)
        {
            ReadOnlySpan<byte> cluster = disk.AsSpan(i * size, size);
            int length = codec.Compress(cluster, image.AsSpan(end));
            ulong entry;
            if (length > 0)
            {
                entry = CompressedDescriptor.Encode(new HostOffset(end), length, geometry);
                end += length;
            }
            else
            {
                end = (end + size - 1) & -size;
                cluster.CopyTo(image.AsSpan(end));
                entry = (uint)end | L2Entry.CopiedFlag;
                end += size;
            }

            BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan((3 * size) + (i * 8)), entry);
        }

        return image[..((end + size - 1) & -size)];
    }

    private static void WriteHeader(byte[] image, long sizeBytes, int clusterBits, bool isZstandard)
    {
        int clusterSize = 1 << clusterBits;
        BinaryPrimitives.WriteUInt32BigEndian(image, 0x514649fb);
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(4), 3);
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(20), (uint)clusterBits);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(24), (ulong)sizeBytes);
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(36), 1);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(40), (ulong)(2 * clusterSize));
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(48), (ulong)clusterSize);
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(56), 1);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(72), isZstandard ? 8UL : 0);
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(96), 4);
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(100), 112);
        image[104] = isZstandard ? (byte)1 : (byte)0;
    }
}
