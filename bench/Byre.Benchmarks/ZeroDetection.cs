using BenchmarkDotNet.Attributes;
using Byre.Block.Buffers;

namespace Byre.Benchmarks;

/// <summary>How fast memory is recognised as zeroes, and as something else.</summary>
public class ZeroDetection
{
    private byte[] _zeroes = [];
    private byte[] _endsInData = [];

    [Params(512, 4096, 65536)]
    public int LengthBytes { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _zeroes = new byte[LengthBytes];
        _endsInData = new byte[LengthBytes];
        _endsInData[^1] = 1;
    }

    [Benchmark]
    public bool Zeroes() => ZeroDetector.IsZero(_zeroes);

    [Benchmark]
    public bool DataInTheLastByte() => ZeroDetector.IsZero(_endsInData);
}
