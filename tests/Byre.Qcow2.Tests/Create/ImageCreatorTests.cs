using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Layout;

namespace Byre.Qcow2.Tests.Create;

/// <summary>A new image is the same bytes as the peer's.</summary>
public sealed class ImageCreatorTests
{
    public static TheoryData<string, string> Images => new()
    {
        { "", "0" },
        { "", "1" },
        { "", "3M" },
        { "", "536870912" },
        { "", "536871424" },
        { "", "5000G" },
        { "", "2P" },
        { "compat=0.10", "64M" },
        { "compat=0.10,cluster_size=512", "40M" },
        { "compat=v2,backing_file=base.img,backing_fmt=raw", "1M" },
        { "lazy_refcounts=on", "1M" },
        { "compression_type=zstd", "1M" },
        { "extended_l2=on", "10G" },
        { "extended_l2=on,cluster_size=16k", "10G" },
        { "extended_l2=on,cluster_size=2M,refcount_bits=1", "100T" },
        { "backing_file=base.img,backing_fmt=raw", "1M" },
        { "cluster_size=512,backing_file=base.img,backing_fmt=raw", "1M" },
        { "data_file=data.raw", "1M" },
        { "cluster_size=512", "64M" },
        { "cluster_size=512", "1G" },
        { "cluster_size=512", "20G" },
        { "cluster_size=512,refcount_bits=64", "256M" },
        { "cluster_size=512,refcount_bits=64", "1G" },
        { "cluster_size=512,refcount_bits=64", "10G" },
        { "cluster_size=512,refcount_bits=64", "14G" },
        { "cluster_size=512,refcount_bits=32", "13G" },
        { "cluster_size=512,refcount_bits=1", "128G" },
        { "cluster_size=1k,refcount_bits=64", "100G" },
        { "cluster_size=4k,refcount_bits=64", "1T" },
        { "cluster_size=8k,refcount_bits=2", "1T" },
        { "cluster_size=2M,refcount_bits=4", "1T" },
    };

    [PeerTheory]
    [MemberData(nameof(Images))]
    public async Task BytesAreThePeersAsync(string options, string size)
    {
        using var peer = new Peer();
        peer.Image("create", "-q", "-f", "raw", "base.img", "1M");
        string peerOptions = options.Length == 0 ? "cluster_size=65536" : options;
        peer.Image("create", "-q", "-f", "qcow2", "-o", peerOptions, "test.qcow2", size);

        foreach (bool zeroGrowth in new[] { true, false })
        {
            var file = new MemoryNode(zeroGrowth);
            await ImageCreator.WriteEmptyAsync(file, Parse(options, size), CancellationToken.None);
            AssertSame(peer.Read("test.qcow2"), file.Content.ToArray());
            // One before the header, which makes it an image, and one after it.
            Assert.Equal(2, file.FlushCount);
        }
    }

    [Theory]
    [InlineData("", 196616, "1")]
    [InlineData("", 196608, "0")]
    public async Task FileEndsWithTheL1TableAsync(string options, int lengthBytes, string size)
    {
        var file = new MemoryNode();
        await ImageCreator.WriteEmptyAsync(file, Parse(options, size), CancellationToken.None);
        Assert.Equal(lengthBytes, file.LengthBytes);
    }

    [Theory]
    [InlineData("", "3P")]
    [InlineData("", "7E")]
    [InlineData("cluster_size=512", "129G")]
    public async Task TooLargeImagesAreRefusedAsync(string options, string size)
    {
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            () => ImageCreator.WriteEmptyAsync(
                new MemoryNode(), Parse(options, size), CancellationToken.None).AsTask());
        Assert.Equal(
            "The image size is too large for file format 'qcow2' (try using a larger cluster size)", failure.Message);
        Assert.Equal(Errno.FileTooLarge, failure.Errno);
    }

    [Fact]
    public async Task NamesThatDoNotFitAreRefusedAsync()
    {
        string name = new('x', 500);
        await FailsAsync(
            $"cluster_size=512,backing_file={name}",
            $"Could not assign backing file '{name}' with format '(null)': No space left on device");
        await FailsAsync(
            $"cluster_size=512,data_file={name}", "Could not update qcow2 header: No space left on device");
        name = new string('x', 1024);
        await FailsAsync(
            $"backing_file={name},backing_fmt=raw",
            $"Could not assign backing file '{name}' with format 'raw': Invalid argument");

        static async Task FailsAsync(string options, string message)
        {
            BlockException failure = await Assert.ThrowsAsync<BlockException>(
                () => ImageCreator.WriteEmptyAsync(
                    new MemoryNode(), Parse(options, "1M"), CancellationToken.None).AsTask());
            Assert.Equal(message, failure.Message);
        }
    }

    internal static OptionSet ToOptions(string text)
    {
        var options = new OptionSet();
        foreach (string option in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            options[option[..equals]] = option[(equals + 1)..];
        }

        return options;
    }

    private static Qcow2CreateOptions Parse(string text, string size)
    {
        OptionSet options = ToOptions(text);
        options["size"] = size;
        return Qcow2CreateOptions.Parse(options);
    }

    /// <summary>
    /// Compares all but free clusters: where the refcount table grew, the peer leaves the old one's bytes behind.
    /// </summary>
    private static void AssertSame(byte[] expected, byte[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Geometry geometry = HeaderCodec.Parse(Padded(actual)).CreateGeometry();
        for (int offset = 0; offset < actual.Length; offset += geometry.ClusterSize)
        {
            int bytes = Math.Min(geometry.ClusterSize, actual.Length - offset);
            if (RefcountOf(actual, offset, geometry) == 0)
                continue;
            if (!expected.AsSpan(offset, bytes).SequenceEqual(actual.AsSpan(offset, bytes)))
                Assert.Equal(expected.AsSpan(offset, bytes).ToArray(), actual.AsSpan(offset, bytes).ToArray());
        }
    }

    private static byte[] Padded(byte[] file)
    {
        byte[] padded = new byte[Math.Max(file.Length, 2 << 20)];
        file.CopyTo(padded, 0);
        return padded;
    }

    private static ulong RefcountOf(byte[] file, long offset, Geometry geometry)
    {
        long cluster = offset >> geometry.ClusterBits;
        long table = BinaryPrimitives.ReadInt64BigEndian(file.AsSpan(48));
        long block = BinaryPrimitives.ReadInt64BigEndian(
            file.AsSpan((int)(table + (cluster / geometry.RefcountsPerBlock * 8))));
        return block == 0
            ? 0
            : RefcountCodec.Get(
                file.AsSpan((int)block, geometry.ClusterSize),
                (int)(cluster % geometry.RefcountsPerBlock),
                geometry.RefcountOrder);
    }
}
