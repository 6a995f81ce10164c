using Byre.Block.Errors;
using Xunit.Abstractions;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>
/// In each scenario the first, second, ... n-th storage call fails, until it runs through; then the request that made
/// the call has failed and no other, nothing flushed is lost, and the image has no corruption.
/// </summary>
public sealed class FaultPositionTests(ITestOutputHelper output)
{
    private static readonly Fault[] Kinds =
    [
        new(),
        new() { Effect = FaultEffect.Torn },
        new() { Effect = FaultEffect.Everything },
        new() { IsPersistent = true },
        new() { Error = Errno.NoSpace, Effect = FaultEffect.Torn },
        new() { Error = Errno.NoSpace, IsPersistent = true, IsFullDevice = true },
    ];

    private readonly Random _random = new(FaultSettings.Seed);

    [Theory]
    [InlineData(512, 16, false, false)]
    [InlineData(512, 1, false, false)]
    [InlineData(512, 64, false, true)]
    [InlineData(4096, 16, false, true)]
    [InlineData(65536, 16, false, false)]
    [InlineData(16384, 16, true, false)]
    [InlineData(16384, 8, true, true)]
    public void Any_call_may_fail(int clusterBytes, int refcountBits, bool extendedL2, bool hasBacking) =>
        RunAll(new FaultGeometry(clusterBytes, refcountBits, extendedL2, hasBacking));

    [Fact]
    public void Any_call_may_fail_with_lazy_refcounts() =>
        RunAll(new FaultGeometry(512, 16, false, false) { LazyRefcounts = true });

    [Theory]
    [InlineData(512, 0)]
    [InlineData(512, 1)]
    [InlineData(4096, 0)]
    [InlineData(4096, 1)]
    public void Any_call_may_fail_whatever_is_gathered_of_compressed_data(int clusterBytes, int cacheClusters) =>
        RunAll(new FaultGeometry(clusterBytes, 16, false, true) { CompressedCacheClusters = cacheClusters });

    [Fact]
    public void Any_call_may_fail_with_a_data_file() =>
        RunAll(new FaultGeometry(4096, 16, false, false) { HasDataFile = true });

    [Fact]
    public void Any_call_may_fail_while_the_refcount_table_grows() =>
        RunAll(new FaultGeometry(512, 64, false, false) { Clusters = 4200 });

    private void RunAll(FaultGeometry geometry)
    {
        // Of all combinations, one in so many is tried where no soak was asked for.
        int stride = geometry.DiskBytes > 200_000 ? 100 : 8;
        int runs = 0;
        foreach (FaultScenario scenario in FaultScenario.For(geometry))
        {
            FaultImage image = FaultRunner.Prepare(geometry, scenario);
            FaultRunner.Run(scenario, image, new Fault(), out FaultClock whole);
            for (int call = 1; call <= whole.Calls; call++)
            {
                foreach (Fault kind in Kinds)
                {
                    if (FaultSettings.Everything || _random.Next(stride) == 0)
                    {
                        FaultRunner.Run(scenario, image, kind with { Call = call }, out _);
                        runs++;
                    }
                }
            }
        }

        output.WriteLine($"# faults by position: {runs} runs, {geometry}");
    }
}
