using Byre.Qcow2.Create;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>Requests whose metadata is in memory allocate nothing.</summary>
public sealed class HitPathTests
{
    private const int RequestBytes = 4096;
    private const int Requests = 2000;
    private const int Rounds = 5;
    private const long ImageBytes = 16L << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ReadOfAllocatedClustersAllocatesNothing(bool extendedL2) => Measure(
        extendedL2, static (harness, offset, memory) => EngineHarness.RunNow(harness.Node.ReadAsync(offset, memory)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WriteInPlaceAllocatesNothing(bool extendedL2) => Measure(
        extendedL2, static (harness, offset, memory) => EngineHarness.RunNow(harness.Node.WriteAsync(offset, memory)));

    [Fact]
    public void ReadOfAHoleAllocatesNothing()
    {
        using EngineHarness harness = Open(extendedL2: false);
        byte[] memory = new byte[RequestBytes];
        Assert.Equal(0, AllocatedBy(i => EngineHarness.RunNow(
            harness.Node.ReadAsync((ImageBytes / 2) + (i * RequestBytes), memory))));
        harness.Close();
    }

    private static void Measure(bool extendedL2, Action<EngineHarness, long, Memory<byte>> request)
    {
        using EngineHarness harness = Open(extendedL2);
        byte[] content = new byte[ImageBytes / 2];
        new Random(1).NextBytes(content);
        EngineHarness.Run(harness.Node.WriteAsync(0, content));
        Memory<byte> memory = new byte[RequestBytes];
        long slots = content.Length / RequestBytes;
        Assert.Equal(0, AllocatedBy(i => request(harness, i * 7 % slots * RequestBytes, memory)));
        harness.Close();
    }

    private static EngineHarness Open(bool extendedL2)
    {
        var harness = new EngineHarness(new Qcow2CreateOptions
        {
            SizeBytes = ImageBytes,
            ClusterSizeBytes = 1 << 16,
            ExtendedL2 = extendedL2,
        })
        {
            L2Slices = 64,
        };
        harness.Create();
        harness.Open();
        return harness;
    }

    /// <summary>The least of several rounds: the runtime may allocate now and then; a request would always.</summary>
    private static long AllocatedBy(Action<long> request)
    {
        long least = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Requests; i++)
                request(i);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
