using System.Text;
using BenchmarkDotNet.Attributes;
using Byre.Qcow2.Compression;

namespace Byre.Benchmarks;

/// <summary>Compressing and decompressing one cluster of 64 KiB.</summary>
public class ClusterCompression
{
    private const int ClusterBytes = 65536;

    private readonly byte[] _cluster = new byte[ClusterBytes];
    private readonly byte[] _packed = new byte[ClusterBytes];
    private readonly byte[] _restored = new byte[ClusterBytes];
    private ClusterCodec _codec = null!;
    private int _packedBytes;

    [Params("zlib", "zstd")]
    public string Type { get; set; } = "";

    /// <summary>One byte repeated; text that shrinks to about a third.</summary>
    [Params("ones", "text")]
    public string Content { get; set; } = "";

    [GlobalSetup]
    public void SetUp()
    {
        _codec = Type == "zlib" ? ClusterCodec.Deflate : ClusterCodec.Zstandard;
        if (Content == "ones")
            _cluster.AsSpan().Fill(1);
        else
            FillWithText();
        _packedBytes = _codec.Compress(_cluster, _packed);
    }

    [Benchmark]
    public int Compress() => _codec.Compress(_cluster, _packed);

    [Benchmark]
    public void Decompress() => _codec.Decompress(_packed.AsSpan(0, _packedBytes), _restored);

    private void FillWithText()
    {
        var random = new Random(1);
        string[] words = [.. Enumerable.Range(0, 2000).Select(_ => random.NextInt64().ToString("x", null))];
        var text = new StringBuilder();
        while (text.Length < ClusterBytes)
            text.Append(words[random.Next(words.Length)].AsSpan(0, random.Next(3, 8))).Append(' ');
        Encoding.ASCII.GetBytes(text.ToString().AsSpan(0, ClusterBytes), _cluster);
    }
}
