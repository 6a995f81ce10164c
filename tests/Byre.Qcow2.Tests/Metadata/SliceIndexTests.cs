using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>How many entries a look-up compares: the hash has to spread offsets as they occur in images.</summary>
public sealed class SliceIndexTests
{
    private const int Slices = 2048;
    private const double AverageLimit = 3;
    private const int SliceBits = 12;
    private const long SliceBytes = 1 << SliceBits;

    public static TheoryData<string> Layouts => ["adjacent", "tables far apart", "random", "every eighth"];

    [Theory]
    [MemberData(nameof(Layouts))]
    public void LookUpsOfAFullIndexCompareThreeEntriesAtMostOnAverage(string layout)
    {
        SliceIndex index = Fill(layout);
        long hits = 0;
        long misses = 0;
        for (int i = 0; i < Slices; i++)
        {
            Assert.True(index.Find(OffsetAt(layout, i)) >= 0);
            hits += index.CountProbes(OffsetAt(layout, i));
            Assert.Equal(SliceIndex.None, index.Find(OffsetAt(layout, i + Slices)));
            misses += index.CountProbes(OffsetAt(layout, i + Slices));
        }

        Assert.InRange((double)hits / Slices, 1, AverageLimit);
        Assert.InRange((double)misses / Slices, 0, AverageLimit);
    }

    [Fact]
    public void ProbesStayFewWhileSlicesComeAndGo()
    {
        SliceIndex index = Fill("random");
        long probes = 0;
        for (int i = Slices; i < 4 * Slices; i++)
        {
            probes += index.CountProbes(OffsetAt("random", i - Slices));
            index.Release(index.Oldest);
            index.Insert(index.Take(), OffsetAt("random", i), SliceState.Ready);
        }

        Assert.Equal(Slices, index.Used);
        Assert.InRange((double)probes / (3 * Slices), 1, AverageLimit);
    }

    private static SliceIndex Fill(string layout)
    {
        var index = new SliceIndex(Slices, SliceBits);
        for (int i = 0; i < Slices; i++)
            index.Insert(index.Take(), OffsetAt(layout, i), SliceState.Ready);
        return index;
    }

    /// <summary>The offset of the i-th slice; all are different.</summary>
    private static long OffsetAt(string layout, int i) => SliceBytes * layout switch
    {
        "adjacent" => i,
        // Tables of 64 KiB between the data of 8192 clusters each.
        "tables far apart" => (i % 16) + (i / 16 * 8192L * 16),
        "random" => (i * 2_654_435_761L) & 0xffff_ffff,
        "every eighth" => i * 8L,
        _ => throw new ArgumentOutOfRangeException(nameof(layout)),
    };
}
