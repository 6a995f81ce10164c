using Byre.Block.Errors;
using Byre.Qcow2.Compression;
using Byre.Qcow2.Compression.Interop;

namespace Byre.Qcow2.Tests.Compression;

public sealed class ClusterCodecTests
{
    public static TheoryData<string, string, int> RoundTrips()
    {
        var cases = new TheoryData<string, string, int>();
        foreach (string codec in CodecNames)
        {
            foreach (string kind in SampleData.Kinds)
            {
                for (int bits = 9; bits <= 21; bits += 3)
                    cases.Add(codec, kind, 1 << bits);
            }
        }

        return cases;
    }

    internal static readonly string[] CodecNames = ["zlib", "zlib-system", "zstd"];

    internal static ClusterCodec Codec(string name) => name switch
    {
        "zlib" => ClusterCodec.Deflate,
        "zlib-system" => new DeflateCodec(SystemZlib.Load() ?? throw new InvalidOperationException("No libz.so.1")),
        "zstd" => ClusterCodec.Zstandard,
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    [Theory]
    [MemberData(nameof(RoundTrips))]
    public void A_cluster_comes_back_whatever_follows_its_stream(string codecName, string kind, int sizeBytes)
    {
        ClusterCodec codec = Codec(codecName);
        byte[] cluster = SampleData.Make(kind, sizeBytes);
        byte[] compressed = new byte[sizeBytes + 700];
        int length = codec.Compress(cluster, compressed);
        Assert.InRange(length, 1, sizeBytes - 1);
        new Random(7).NextBytes(compressed.AsSpan(length));

        foreach (int tail in (int[])[0, 1, 511, 700])
        {
            byte[] back = SampleData.Make("noise", sizeBytes);
            codec.Decompress(compressed.AsSpan(0, length + tail), back);
            Assert.True(back.AsSpan().SequenceEqual(cluster));
        }
    }

    [Theory]
    [InlineData("zlib")]
    [InlineData("zlib-system")]
    [InlineData("zstd")]
    public void Noise_is_not_compressed(string codecName)
    {
        foreach (int size in (int[])[512, 4096, 65536, 2 << 20])
        {
            byte[] cluster = SampleData.Make("noise", size);
            Assert.Equal(-1, Codec(codecName).Compress(cluster, new byte[size * 2]));
            Assert.Equal(-1, Codec(codecName).Compress(cluster, new byte[size - 1]));
        }
    }

    [Theory]
    [InlineData("zlib")]
    [InlineData("zlib-system")]
    [InlineData("zstd")]
    public void A_stream_that_does_not_fit_is_refused_and_the_next_one_is_not_harmed(string codecName)
    {
        ClusterCodec codec = Codec(codecName);
        byte[] cluster = SampleData.Make("text", 65536);
        byte[] whole = new byte[65536];
        int length = codec.Compress(cluster, whole);
        byte[] destination = new byte[65536];
        Assert.Equal(-1, codec.Compress(cluster, destination.AsSpan(0, length - 1)));
        Assert.Equal(-1, codec.Compress(cluster, destination.AsSpan(0, 1)));
        Assert.Equal(-1, codec.Compress(cluster, []));
        Assert.Equal(length, codec.Compress(cluster, destination.AsSpan(0, length + 512)));
        Assert.Equal(whole[..length], destination[..length]);
    }

    /// <summary>
    /// QEMU's own test 214 cuts the descriptor of a 2 MiB cluster of one byte value from five sectors to four and
    /// expects the read to fail: the stream must need the fifth.
    /// </summary>
    [Theory]
    [InlineData("zlib")]
    [InlineData("zlib-system")]
    public void Two_megabytes_of_one_value_need_the_fifth_sector(string codecName)
    {
        ClusterCodec codec = Codec(codecName);
        byte[] cluster = SampleData.Make("one-byte", 2 << 20);
        byte[] compressed = new byte[2 << 20];
        Assert.InRange(codec.Compress(cluster, compressed), 2049, 2560);
        Assert.Throws<BlockException>(() => codec.Decompress(compressed.AsSpan(0, 2048), cluster));
    }

    [Fact]
    public void A_deflate_stream_without_an_end_or_longer_than_the_cluster_is_accepted()
    {
        byte[] cluster = SampleData.Make("text", 65536);
        byte[] compressed = new byte[65536];
        int length = ClusterCodec.Deflate.Compress(cluster, compressed);
        byte[] half = new byte[32768];
        ClusterCodec.Deflate.Decompress(compressed.AsSpan(0, length), half);
        Assert.True(half.AsSpan().SequenceEqual(cluster.AsSpan(0, 32768)));
    }

    [Fact]
    public void A_zstandard_cluster_may_consist_of_several_frames_but_must_end_with_one()
    {
        byte[] cluster = SampleData.Make("text", 65536);
        byte[] compressed = new byte[131072];
        int first = ClusterCodec.Zstandard.Compress(cluster.AsSpan(0, 40000), compressed);
        int second = ClusterCodec.Zstandard.Compress(cluster.AsSpan(40000), compressed.AsSpan(first));
        byte[] back = new byte[65536];
        ClusterCodec.Zstandard.Decompress(compressed.AsSpan(0, first + second + 100), back);
        Assert.Equal(cluster, back);
        Assert.Throws<BlockException>(() => ClusterCodec.Zstandard.Decompress(compressed.AsSpan(0, first), back));
        Assert.Throws<BlockException>(() => ClusterCodec.Zstandard.Decompress(compressed, new byte[30000]));
    }

    [Fact]
    public void The_deflate_of_the_runtime_is_the_one_in_use() => Assert.NotNull(RuntimeZlib.Load());

    [Theory]
    [InlineData("zlib")]
    [InlineData("zstd")]
    public async Task Threads_do_not_disturb_each_other(string codecName)
    {
        ClusterCodec codec = Codec(codecName);
        Task[] tasks = [.. Enumerable.Range(0, 8).Select(number => Task.Run(() =>
        {
            byte[] compressed = new byte[65536];
            byte[] back = new byte[65536];
            for (int round = 0; round < 40; round++)
            {
                int size = 512 << ((number + round) % 8);
                byte[] cluster = SampleData.Make(SampleData.Kinds[(number + round) % SampleData.Kinds.Length], size);
                int length = codec.Compress(cluster, compressed);
                Assert.NotEqual(-1, length);
                Assert.Equal(-1, codec.Compress(cluster, compressed.AsSpan(length, 1)));
                codec.Decompress(compressed.AsSpan(0, length), back.AsSpan(0, size));
                Assert.True(back.AsSpan(0, size).SequenceEqual(cluster));
            }
        }))];
        await Task.WhenAll(tasks);
    }
}
