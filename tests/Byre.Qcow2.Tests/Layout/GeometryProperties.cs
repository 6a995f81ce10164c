using System.Numerics;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;
using FsCheck;
using FsCheck.Fluent;

namespace Byre.Qcow2.Tests.Layout;

/// <summary>
/// The layout's arithmetic against models that count one by one or use numbers without bounds, over every cluster size,
/// refcount width and kind of L2 entry.
/// </summary>
public sealed class GeometryProperties
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(400);

    [Fact]
    public void GuestOffsetsSplitAndJoin() => Check(
        (geometry, value) =>
        {
            var guest = new GuestOffset(value);
            BigInteger joined =
                ((((BigInteger)geometry.L1Index(guest) * geometry.L2EntryCount) + geometry.L2Index(guest))
                * geometry.ClusterSize) + geometry.OffsetInCluster(value);
            Assert.Equal(value, joined);
            Assert.Equal(
                geometry.OffsetInCluster(value),
                (geometry.SubclusterIndex(value) * geometry.SubclusterSize) + geometry.OffsetInSubcluster(value));
            Assert.InRange(geometry.SubclusterIndex(value), 0, geometry.SubclusterCount - 1);
            Assert.Equal(value, geometry.StartOfCluster(value) + geometry.OffsetInCluster(value));
            Assert.Equal(geometry.IsClusterAligned(value), geometry.OffsetInCluster(value) == 0);
        });

    [Fact]
    public void TablesHoldWhatTheySay() => Check(
        (geometry, value) =>
        {
            Assert.Equal(geometry.ClusterSize, geometry.L2EntryCount * geometry.L2EntryBytes);
            Assert.Equal((long)geometry.ClusterSize * 8, (long)geometry.RefcountsPerBlock * geometry.RefcountBits);
            Assert.Equal(geometry.ClusterSize, geometry.SubclusterCount * geometry.SubclusterSize);
            BigInteger perL1 = (BigInteger)geometry.L2EntryCount * geometry.ClusterSize;
            Assert.Equal(DivideUp(value, perL1), geometry.L1EntriesFor(value));
            long bounded = Math.Min(value, FormatLimits.MaxHostOffset);
            Assert.Equal(DivideUp(bounded, geometry.ClusterSize), geometry.ClustersFor(bounded));
        });

    [Fact]
    public void RefcountStructuresCountThemselvesAndNoMore() => Check(
        (geometry, value) =>
        {
            long clusters = value % 10_000_000;
            (long blocks, long table) = RefcountSizing.Count(clusters, geometry, generous: false);
            BigInteger total = (BigInteger)clusters + blocks + table;
            Assert.True(total <= (BigInteger)blocks * geometry.RefcountsPerBlock, "every cluster has a count");
            Assert.True(blocks * 8 <= table * geometry.ClusterSize, "every block has an entry");
            Assert.True((blocks - 1) * 8 >= (table - 1) * geometry.ClusterSize ||
                blocks == 0, "no table cluster is empty");
        });

    [Fact]
    public void RefcountsAreIndependent() => Check(
        (geometry, value) =>
        {
            byte[] block = new byte[512];
            int count = RefcountCodec.EntryCount(block.Length, geometry.RefcountOrder);
            Assert.Equal(block.Length * 8 / geometry.RefcountBits, count);
            var model = new ulong[count];
            var random = new Random(value.GetHashCode());
            for (int i = 0; i < 50; i++)
            {
                int index = random.Next(count);
                ulong refcount = (ulong)random.NextInt64() & geometry.RefcountMax;
                RefcountCodec.Set(block, index, geometry.RefcountOrder, refcount);
                model[index] = refcount;
            }

            for (int i = 0; i < count; i++)
            {
                Assert.Equal(model[i], RefcountCodec.Get(block, i, geometry.RefcountOrder));
                Assert.Equal(model[i], NaiveRefcount(block, i, geometry.RefcountBits));
            }
        });

    [Fact]
    public void CompressedDescriptorsSurvive() => Check(
        (geometry, value) =>
        {
            long offset = value & ((1L << Math.Min(geometry.CompressedOffsetBits, 56)) - 1);
            int bytes = 1 + (int)((ulong)value.GetHashCode() % (ulong)geometry.ClusterSize);
            ulong word = CompressedDescriptor.Encode(new HostOffset(offset), bytes, geometry);
            Assert.True(L2Entry.Standard(word).IsCompressed);
            Assert.False(L2Entry.Standard(word).IsCopied);
            CompressedDescriptor descriptor = CompressedDescriptor.Decode(word, geometry);
            Assert.Equal(offset, descriptor.Offset.Value);
            Assert.InRange(descriptor.LengthBytes, bytes, bytes + CompressedDescriptor.SectorBytes - 1);
            Assert.Equal(0, (offset + descriptor.LengthBytes) % CompressedDescriptor.SectorBytes);
        });

    [Fact]
    public void SubclusterRunsAreCountedRight() => Check(
        (_, value) =>
        {
            // Both bits may be set: the run of a contradiction has a length too.
            ulong raw = (ulong)value * 0x9e3779b97f4a7c15;
            foreach (ulong bits in new[] { raw, raw & (raw << 1), 0UL, ulong.MaxValue, raw & 0xffff0000ffff0000 })
            {
                var bitmap = new SubclusterBitmap(bits);
                for (int first = 0; first < Geometry.ExtendedSubclusterCount; first++)
                {
                    int run = 1;
                    while (first + run < 32 && bitmap.IsAllocated(first + run) == bitmap.IsAllocated(first) &&
                           bitmap.IsZero(first + run) == bitmap.IsZero(first))
                    {
                        run++;
                    }

                    Assert.Equal(run, bitmap.RunLength(first));
                }
            }
        });

    [Fact]
    public void EntriesAreClassifiedOneWay() => Check(
        (geometry, value) =>
        {
            ulong word = (ulong)value * 0x9e3779b97f4a7c15;
            foreach (ulong entry in new ulong[] { word, word & ~L2Entry.CompressedFlag, word & L2Entry.CopiedFlag,
                word & 1, 1 })
            {
                foreach (bool dataFile in new[] { false, true })
                {
                    Assert.Equal(
                        Model(entry, geometry.HasSubclusters, dataFile),
                        L2Entry.Standard(entry).Classify(geometry.HasSubclusters, dataFile));
                }
            }
        });

    [Fact]
    public void TableLocationsAreBounded() => Check(
        (geometry, value) =>
        {
            ulong offset = (ulong)value << (value.GetHashCode() & 7);
            ulong entries = (ulong)value.GetHashCode() % 5_000_000;
            bool isSound = (BigInteger)entries * 8 <= FormatLimits.MaxL1Bytes &&
                (BigInteger)offset + (entries * 8) <= long.MaxValue &&
                offset % (ulong)geometry.ClusterSize == 0;
            Exception? failure = Record.Exception(
                () => FormatLimits.CheckTable(offset, entries, TableShape.ActiveL1, geometry.ClusterBits));
            Assert.Equal(isSound, failure is null);
        });

    private static void Check(Action<Geometry, long> property)
    {
        Gen<Geometry> geometries =
            from clusterBits in Gen.Choose(FormatLimits.MinClusterBits, FormatLimits.MaxClusterBits)
            from refcountOrder in Gen.Choose(0, FormatLimits.MaxRefcountOrder)
            from extendedL2 in Gen.Elements(false, true)
            select new Geometry(clusterBits, refcountOrder, extendedL2 && clusterBits >= 14);

        // Numbers of all magnitudes, and those next to powers of two.
        Gen<long> values =
            from bits in Gen.Choose(0, 62)
            from low in Gen.Choose(0, int.MaxValue)
            from high in Gen.Choose(0, int.MaxValue)
            from step in Gen.Choose(-3, 3)
            from isEdge in Gen.Elements(false, true)
            let wide = ((long)high << 31) | (uint)low
            select isEdge ? Math.Max(0, (1L << bits) + step) : wide >> (62 - bits);

        Prop.ForAll(geometries.ToArbitrary(), values.ToArbitrary(), property).Check(s_config);
    }

    private static BigInteger DivideUp(BigInteger value, BigInteger divisor) => (value + divisor - 1) / divisor;

    /// <summary>Counts narrower than a byte fill it from its lowest bit; wider ones are big-endian.</summary>
    private static ulong NaiveRefcount(byte[] block, int index, int bits)
    {
        ulong value = 0;
        if (bits < 8)
        {
            for (int bit = 0; bit < bits; bit++)
            {
                int position = (index * bits) + bit;
                value |= (ulong)((block[position / 8] >> (position % 8)) & 1) << bit;
            }

            return value;
        }

        for (int i = 0; i < bits / 8; i++)
            value = (value << 8) | block[(index * bits / 8) + i];
        return value;
    }

    private static ClusterType Model(ulong entry, bool hasSubclusters, bool hasDataFile)
    {
        if ((entry & (1UL << 62)) != 0)
            return ClusterType.Compressed;
        bool hasCluster = (entry & 0x00ff_ffff_ffff_fe00) != 0 || (hasDataFile && entry >> 63 != 0);
        bool readsZero = (entry & 1) != 0 && !hasSubclusters;
        return (hasCluster, readsZero) switch
        {
            (true, true) => ClusterType.ZeroAllocated,
            (true, false) => ClusterType.Normal,
            (false, true) => ClusterType.ZeroPlain,
            (false, false) => ClusterType.Unallocated,
        };
    }
}
