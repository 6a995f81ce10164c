using Byre.Block.Errors;
using Byre.Qcow2.Compression;

namespace Byre.Qcow2.Tests.Compression;

/// <summary>
/// A damaged stream decodes to something or fails with the one exception that is promised; it never does anything else.
/// </summary>
public sealed class CorruptStreamTests
{
    private const int ClusterBytes = 4096;
    private const int GuardBytes = 64;

    [Theory]
    [InlineData("zlib")]
    [InlineData("zlib-system")]
    [InlineData("zstd")]
    public void Every_byte_damaged(string codecName)
    {
        ClusterCodec codec = ClusterCodecTests.Codec(codecName);
        foreach (string kind in SampleData.Kinds)
        {
            byte[] stream = Compressed(codec, kind);
            for (int at = 0; at < stream.Length; at++)
            {
                foreach (int damage in (int[])[0xff, 0x01, 0x80])
                {
                    stream[at] ^= (byte)damage;
                    TryDecode(codec, stream);
                    stream[at] ^= (byte)damage;
                }
            }
        }
    }

    [Theory]
    [InlineData("zlib")]
    [InlineData("zlib-system")]
    [InlineData("zstd")]
    public void Every_length_cut(string codecName)
    {
        ClusterCodec codec = ClusterCodecTests.Codec(codecName);
        foreach (string kind in SampleData.Kinds)
        {
            byte[] stream = Compressed(codec, kind);
            for (int length = 0; length < stream.Length; length++)
                TryDecode(codec, stream.AsSpan(0, length));
            Assert.False(TryDecode(codec, stream.AsSpan(0, stream.Length / 2)));
            Assert.False(TryDecode(codec, []));
        }
    }

    [Theory]
    [InlineData("zlib")]
    [InlineData("zlib-system")]
    [InlineData("zstd")]
    public void Noise_and_constants(string codecName)
    {
        ClusterCodec codec = ClusterCodecTests.Codec(codecName);
        byte[] stream = new byte[ClusterBytes];
        var random = new Random(20260801);
        for (int round = 0; round < 2000; round++)
        {
            random.NextBytes(stream);
            TryDecode(codec, stream.AsSpan(0, random.Next(ClusterBytes)));
        }

        for (int value = 0; value < 256; value++)
        {
            stream.AsSpan().Fill((byte)value);
            TryDecode(codec, stream);
        }
    }

    private static byte[] Compressed(ClusterCodec codec, string kind)
    {
        byte[] compressed = new byte[ClusterBytes];
        int length = codec.Compress(SampleData.Make(kind, ClusterBytes), compressed);
        return compressed[..length];
    }

    /// <summary>Decodes into the middle of a buffer, and checks that nothing is written around it.</summary>
    private static bool TryDecode(ClusterCodec codec, ReadOnlySpan<byte> stream)
    {
        Span<byte> buffer = stackalloc byte[ClusterBytes + (2 * GuardBytes)];
        buffer.Fill(0xa5);
        bool decoded = true;
        try
        {
            codec.Decompress(stream, buffer.Slice(GuardBytes, ClusterBytes));
        }
        catch (BlockException error)
        {
            Assert.Equal(BlockErrorKind.CorruptImage, error.Kind);
            Assert.Equal(Errno.InputOutput, error.Errno);
            decoded = false;
        }

        Assert.False(buffer[..GuardBytes].ContainsAnyExcept((byte)0xa5));
        Assert.False(buffer[^GuardBytes..].ContainsAnyExcept((byte)0xa5));
        return decoded;
    }
}
