using Byre.Qcow2.Check;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Check;

public sealed class RefcountCensusTests
{
    [Theory]
    [InlineData(1UL)]
    [InlineData(3UL)]
    [InlineData(255UL)]
    [InlineData(65535UL)]
    public void CountsUpToItsMaximum(ulong max)
    {
        var census = new RefcountCensus(max, 100);
        var cluster = new HostCluster(42);
        for (ulong i = 0; i < Math.Min(max, 1000); i++)
        {
            Assert.Equal(i, census[42]);
            Assert.True(census.TryIncrement(cluster));
        }

        if (max < 1000)
            Assert.False(census.TryIncrement(cluster));
        Assert.Equal(Math.Min(max, 1000), census[42]);
        Assert.Equal(max >= 255, census.HasLargeCounts);
        Assert.Equal(0UL, census[41]);
    }

    [Fact]
    public void CountsRunsAsItCountsClusters()
    {
        const int Clusters = 100_000;
        var random = new Random(7);
        var census = new RefcountCensus(ushort.MaxValue, Clusters);
        ulong[] model = new ulong[Clusters];
        for (int i = 0; i < 3000; i++)
        {
            int first = random.Next(Clusters);
            int count = Math.Min(random.Next(i % 10 == 0 ? 40_000 : 50) + 1, Clusters - first);
            for (int done = 0; done < count;)
            {
                done += census.IncrementWhileSmall(new HostCluster(first + done), count - done);
                if (done < count)
                    Assert.True(census.TryIncrement(new HostCluster(first + done++)));
            }

            for (int cluster = first; cluster < first + count; cluster++)
                model[cluster]++;
        }

        for (int cluster = 0; cluster < Clusters; cluster++)
            Assert.Equal(model[cluster], census[cluster]);
    }

    [Fact]
    public void FindsFreeAndUsedClusters()
    {
        var census = new RefcountCensus(15, 200_000);
        Assert.Equal(0, census.NextFree(0));
        Assert.Equal(200_000, census.NextUsed(0));
        for (int i = 0; i < 70_000; i++)
            census[i] = 1;
        census[150_000] = 1;
        Assert.Equal(70_000, census.NextFree(0));
        Assert.Equal(150_000, census.NextUsed(70_000));
        Assert.Equal(150_001, census.NextFree(150_000));
        Assert.True(census.IsAtMostOneEverywhere());
        census[3] = 2;
        Assert.False(census.IsAtMostOneEverywhere());
    }

    [Fact]
    public void TakesMemoryForUsedClustersOnly()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var census = new RefcountCensus(ushort.MaxValue, int.MaxValue);
        census[int.MaxValue - 1] = 1;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void FindsTheFirstCountThatDiffers(int refcountOrder)
    {
        var random = new Random(refcountOrder);
        byte[] block = new byte[4096];
        int entries = RefcountCodec.EntryCount(block.Length, refcountOrder);
        byte[] expected = new byte[entries];
        int max = (int)Math.Min((1UL << (1 << Math.Min(refcountOrder, 5))) - 1, 254);
        for (int i = 0; i < entries; i++)
        {
            expected[i] = (byte)random.Next(max + 1);
            RefcountCodec.Set(block, i, refcountOrder, expected[i]);
        }

        for (int round = 0; round < 200; round++)
        {
            int first = random.Next(entries / 2);
            int count = random.Next(1, entries - first);
            Assert.Equal(count, Find(first, count));
            int changed = random.Next(count);
            expected[first + changed] ^= 1;
            Assert.Equal(changed, Find(first, count));
            expected[first + changed] ^= 1;
        }

        int Find(int first, int count) =>
            RefcountBlockComparer.FindMismatch(block, first, expected.AsSpan(first, count), refcountOrder);
    }
}
