using Byre.Block.Errors;
using Byre.Block.Requests;
using Xunit.Abstractions;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>
/// Faults by the named moments of blkdebug: after each moment that a scenario reaches, the next storage call fails,
/// once or for good; what has to hold is the same as for faults by position.
/// </summary>
public sealed class FaultEventTests(ITestOutputHelper output)
{
    /// <summary>
    /// The moments of the peer's that this engine has, but for those of opening. Those of single writes are blkdebug's
    /// own: only a node of that kind reaches them.
    /// </summary>
    private static readonly BlockEvent[] Expected =
    [
        BlockEvent.L1Update, BlockEvent.L1GrowAllocTable, BlockEvent.L1GrowWriteTable, BlockEvent.L1GrowActivateTable,
        BlockEvent.L2Load, BlockEvent.L2Update, BlockEvent.L2UpdateCompressed, BlockEvent.L2AllocCowRead,
        BlockEvent.L2AllocWrite, BlockEvent.ReadAio, BlockEvent.ReadBackingAio, BlockEvent.ReadCompressed,
        BlockEvent.WriteAio, BlockEvent.WriteCompressed, BlockEvent.VmstateSave, BlockEvent.CowRead,
        BlockEvent.ReftableGrow, BlockEvent.RefblockLoad, BlockEvent.RefblockUpdatePart, BlockEvent.RefblockAlloc,
        BlockEvent.RefblockAllocHookup, BlockEvent.RefblockAllocWrite, BlockEvent.RefblockAllocWriteBlocks,
        BlockEvent.RefblockAllocWriteTable, BlockEvent.RefblockAllocSwitchTable, BlockEvent.ClusterAlloc,
        BlockEvent.ClusterAllocBytes, BlockEvent.ClusterFree, BlockEvent.L1ShrinkWriteTable,
        BlockEvent.L1ShrinkFreeL2Clusters,
    ];

    private readonly Random _random = new(FaultSettings.Seed);

    [Fact]
    public void The_call_after_any_named_moment_may_fail()
    {
        FaultGeometry[] geometries =
        [
            new(512, 16, false, true),
            new(512, 64, false, false) { Clusters = 4200 },
            new(16384, 16, true, true),
        ];
        var reached = new HashSet<BlockEvent>();
        int runs = 0;
        foreach (FaultGeometry geometry in geometries)
        {
            foreach (FaultScenario scenario in FaultScenario.For(geometry))
            {
                FaultImage image = FaultRunner.Prepare(geometry, scenario);
                FaultRunner.Run(scenario, image, new Fault(), out FaultClock whole);
                foreach (BlockEvent moment in whole.Moments)
                {
                    bool isNew = reached.Add(moment);
                    if (geometry.DiskBytes < 200_000 || isNew)
                        runs += RunKinds(scenario, image, moment);
                }
            }
        }

        Assert.Empty(Expected.Except(reached));
        output.WriteLine($"# faults by event: {runs} runs, {reached.Count} events");
    }

    /// <summary>All ways to fail; where no soak was asked for, one in four of them, chosen by the seed.</summary>
    private int RunKinds(FaultScenario scenario, FaultImage image, BlockEvent moment)
    {
        int runs = 0;
        foreach (int errno in (int[])[Errno.InputOutput, Errno.NoSpace])
        {
            foreach (bool isPersistent in (bool[])[false, true])
            {
                foreach (FaultEffect effect in Enum.GetValues<FaultEffect>())
                {
                    var fault = new Fault
                    {
                        Moment = moment,
                        Error = errno,
                        IsPersistent = isPersistent,
                        Effect = effect,
                        Call = _random.Next(),
                    };
                    if (!FaultSettings.Everything && _random.Next(4) != 0)
                        continue;
                    FaultRunner.Run(scenario, image, fault, out _);
                    runs++;
                }
            }
        }

        return runs;
    }
}
