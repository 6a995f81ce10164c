using Byre.Qcow2.Create;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>Nodes that share one budget get memory by need, and change nothing else by it.</summary>
public sealed class CacheBudgetTests
{
    private const int ClusterBytes = 512;
    private const int SliceBytes = 512;
    private const int Slices = 128;
    private const long SliceSpan = SliceBytes / 8 * (long)ClusterBytes;
    private const long BudgetBytes = 96 * SliceBytes;

    [Fact]
    public void TheNodeThatMissesGetsTheMemory()
    {
        var budget = new CacheBudget();
        using EngineHarness hot = Filled(budget);
        using EngineHarness cold = Filled(budget);
        int evenly = hot.Node.L2Statistics.CapacitySlices;
        Assert.InRange(evenly, 20, 60);
        Assert.Equal(evenly, cold.Node.L2Statistics.CapacitySlices);

        UseSlices(cold, 2, rounds: 1);
        UseSlices(hot, 80, rounds: 200);
        int given = hot.Node.L2Statistics.CapacitySlices;
        Assert.True(given > evenly * 3 / 2, $"{given} slices after {evenly}");
        Assert.InRange(cold.Node.L2Statistics.CapacitySlices, CacheBudget.MinL2Slices, evenly / 2);
        Assert.InRange(cold.Node.RefcountStatistics.CapacitySlices, CacheBudget.MinRefcountSlices, evenly / 2);
        Assert.True(HeldBytes(hot) + HeldBytes(cold) <= BudgetBytes);

        // Now the other way round.
        UseSlices(cold, 80, rounds: 200);
        Assert.True(cold.Node.L2Statistics.CapacitySlices > evenly * 3 / 2);
        Assert.True(HeldBytes(hot) + HeldBytes(cold) <= BudgetBytes);
        Close(hot);
        Close(cold);
    }

    [Fact]
    public void WhatANodeHadGoesToTheOthersWhenItLeaves()
    {
        var budget = new CacheBudget();
        using EngineHarness first = Filled(budget);
        int alone = first.Node.L2Statistics.CapacitySlices;
        using EngineHarness second = Filled(budget);
        Assert.True(first.Node.L2Statistics.CapacitySlices < alone);
        Close(second);
        Assert.Equal(alone, first.Node.L2Statistics.CapacitySlices);
        Close(first);
    }

    [Fact]
    public void MinimaStandWhereTheBudgetIsTooSmallForAll()
    {
        var budget = new CacheBudget();
        EngineHarness[] all = [.. Enumerable.Range(0, 40).Select(_ => Filled(budget))];
        foreach (EngineHarness harness in all)
        {
            Assert.Equal(CacheBudget.MinL2Slices, harness.Node.L2Statistics.CapacitySlices);
            Assert.Equal(CacheBudget.MinRefcountSlices, harness.Node.RefcountStatistics.CapacitySlices);
        }

        foreach (EngineHarness harness in all)
        {
            UseSlices(harness, 8, rounds: 2);
            Close(harness);
            harness.Dispose();
        }
    }

    /// <summary>However the budget is divided, the same file comes out.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void WhatIsWrittenDoesNotDependOnIt(int seed)
    {
        byte[] expected = Program(seed, budget: null);
        var shared = new CacheBudget();
        using EngineHarness other = Filled(shared);
        Assert.Equal(expected, Program(seed, shared, between: () => UseSlices(other, 16, rounds: 1)));
        Close(other);
    }

    private static byte[] Program(int seed, CacheBudget? budget, Action? between = null)
    {
        using EngineHarness harness = New(budget);
        harness.Create();
        harness.Open();
        var random = new Random(seed);
        byte[] content = new byte[ClusterBytes];
        // Written once each: nothing is freed, and where a cluster lies does not depend on when a flush was.
        int[] clusters = [.. Enumerable.Range(0, (int)(harness.Expected.Length / ClusterBytes))];
        random.Shuffle(clusters);
        foreach (int cluster in clusters.AsSpan(0, 1500))
        {
            random.NextBytes(content);
            long offset = cluster * (long)ClusterBytes;
            content.CopyTo(harness.Expected, offset);
            EngineHarness.Run(harness.Node.WriteAsync(offset, content));
            if (random.Next(20) != 0)
                continue;
            EngineHarness.Run(harness.Node.FlushAsync());
            between?.Invoke();
            budget?.Rebalance();
        }

        harness.Verify($"seed {seed}");
        harness.Close();
        harness.Check($"seed {seed}");
        return harness.File.Content.ToArray();
    }

    private static void UseSlices(EngineHarness harness, int count, int rounds)
    {
        byte[] sector = new byte[512];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < count; i++)
            {
                EngineHarness.Run(harness.Node.ReadAsync(i * SliceSpan, sector));
                Assert.Equal(harness.Expected[i * SliceSpan], sector[0]);
            }
        }
    }

    private static long HeldBytes(EngineHarness harness) =>
        harness.Node.L2Statistics.HeldBytes + harness.Node.RefcountStatistics.HeldBytes;

    private static EngineHarness Filled(CacheBudget budget)
    {
        EngineHarness harness = New(budget);
        harness.Create();
        harness.Open();
        byte[] content = new byte[ClusterBytes];
        for (int i = 0; i < Slices; i++)
        {
            content.AsSpan().Fill((byte)(i + 1));
            content.CopyTo(harness.Expected, i * SliceSpan);
            EngineHarness.Run(harness.Node.WriteAsync(i * SliceSpan, content));
        }

        EngineHarness.Run(harness.Node.FlushAsync());
        return harness;
    }

    private static void Close(EngineHarness harness)
    {
        harness.Verify("at the end");
        harness.Close();
        harness.Check("at the end");
    }

    private static EngineHarness New(CacheBudget? budget) =>
        new(new Qcow2CreateOptions { SizeBytes = Slices * SliceSpan, ClusterSizeBytes = ClusterBytes })
        {
            L2Slices = Slices,
            Adjust = options => budget is null
                ? options
                : options with { RefcountSlices = 64, Budget = budget, BudgetBytes = BudgetBytes },
        };
}
