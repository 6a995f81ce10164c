using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Byre.Qcow2.Check;

namespace Byre.Benchmarks;

/// <summary>What comparing a refcount block of 64 KiB with the counts that a check found costs.</summary>
public class RefcountScan
{
    private const int Counts = 32768;

    private readonly byte[] _block = new byte[Counts * 2];
    private readonly byte[] _expected = new byte[Counts];

    [GlobalSetup]
    public void SetUp()
    {
        for (int i = 0; i < Counts; i++)
        {
            _expected[i] = (byte)(i % 3);
            BinaryPrimitives.WriteUInt16BigEndian(_block.AsSpan(i * 2), _expected[i]);
        }
    }

    [Benchmark]
    public int Compare() => RefcountBlockComparer.FindMismatch(_block, 0, _expected, refcountOrder: 4);
}
