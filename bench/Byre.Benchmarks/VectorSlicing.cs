using BenchmarkDotNet.Attributes;
using Byre.Block.Buffers;
using Byre.Block.Requests;

namespace Byre.Benchmarks;

/// <summary>Cutting request memory at cluster borders, as every request does that spans more than one.</summary>
[MemoryDiagnoser]
public class VectorSlicing
{
    private const int ClusterBytes = 65536;

    private IoVector _vector;

    [Params(1, 16)]
    public int Segments { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        var segments = new Memory<byte>[Segments];
        for (int i = 0; i < Segments; i++)
            segments[i] = new byte[(1 << 20) / Segments];
        _vector = new IoVector(segments);
    }

    [Benchmark]
    public long SliceByCluster()
    {
        long total = 0;
        for (long offset = 0; offset < _vector.Length; offset += ClusterBytes)
            total += _vector.Slice(new ByteRange(offset, ClusterBytes)).SegmentCount;
        return total;
    }
}
