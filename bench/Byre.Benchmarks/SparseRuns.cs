using BenchmarkDotNet.Attributes;
using Byre.Block.Jobs;

namespace Byre.Benchmarks;

/// <summary>What looking for runs of zeroes costs a conversion, for each chunk it reads.</summary>
public class SparseRuns
{
    private const int ChunkBytes = 2 << 20;

    private readonly List<SparseRun> _runs = [];
    private byte[] _chunk = [];

    /// <summary>Share of 4 KiB blocks that hold data, in percent.</summary>
    [Params(0, 50, 100)]
    public int DataPercent { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        var random = new Random(1);
        _chunk = new byte[ChunkBytes];
        for (int block = 0; block < ChunkBytes; block += 4096)
        {
            if (random.Next(100) < DataPercent)
                random.NextBytes(_chunk.AsSpan(block, 4096));
        }
    }

    [Benchmark]
    public int Find()
    {
        _runs.Clear();
        new SparseRunFinder(4096, 4096).Find(_chunk, 0, _runs);
        return _runs.Count;
    }
}
