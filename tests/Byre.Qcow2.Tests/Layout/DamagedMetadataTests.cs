using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Layout;

/// <summary>
/// Whatever bytes a file holds, the codecs give a sound value or a <see cref="BlockException"/>, nothing else.
/// </summary>
public sealed class DamagedMetadataTests
{
    private const int Rounds = 1000;

    [Theory]
    [InlineData(2, 9)]
    [InlineData(2, 12)]
    [InlineData(3, 9)]
    [InlineData(3, 12)]
    [InlineData(3, 14)]
    public void Header(int version, int clusterBits)
    {
        byte[] cluster = new byte[1 << FormatLimits.MaxClusterBits];
        for (int seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            cluster.AsSpan(0, 1 << clusterBits).Clear();
            Build(version, clusterBits, random).CopyTo(cluster, 0);
            Damage(cluster.AsSpan(8, Math.Min(600, (1 << clusterBits) - 8)), random);
            foreach (HeaderParsing parsing in Enum.GetValues<HeaderParsing>())
                AssertParsesOrFails(cluster, parsing, seed);
            if (clusterBits >= 12)
                seed += 9;
        }
    }

    [Fact]
    public void BitmapDirectory()
    {
        ImageHeader header = new HeaderBuilder(clusterBits: 16).Parse() with
        {
            Bitmaps = new BitmapsExtension(3, new HostOffset(0x50000), 1024),
        };
        for (int seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            byte[] directory = BitmapDirectoryCodec.Write(
                [.. Enumerable.Range(1, 3).Select(i => new BitmapDirectoryEntry
                {
                    Name = new string('n', random.Next(40)),
                    TableOffset = new HostOffset(i << 16),
                    TableEntryCount = i,
                    GranularityBits = 16,
                })]);
            Assert.Equal(3, BitmapDirectoryCodec.Parse(directory, header).Count);
            Damage(directory, random);
            try
            {
                BitmapDirectoryCodec.Parse(directory.AsSpan(0, random.Next(directory.Length + 1)), header);
            }
            catch (BlockException)
            {
                // The directory is refused, as it should be.
            }
        }
    }

    [Fact]
    public void SnapshotRecordsSurvive()
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var record = new SnapshotRecord
            {
                L1Offset = (ulong)random.NextInt64(),
                L1EntryCount = (uint)random.Next(),
                Id = random.Next().ToString(System.Globalization.CultureInfo.InvariantCulture),
                Name = new string('\u00e4', random.Next(20)),
                VmStateBytes = (ulong)random.NextInt64() >> random.Next(64),
                DiskBytes = (ulong)random.NextInt64(),
                InstructionCount = random.Next(2) == 0 ? null : (ulong)random.NextInt64(),
                VmClockNanoseconds = (ulong)random.NextInt64(),
                UnknownExtra = [.. new byte[random.Next(30)]],
            };
            byte[] bytes = SnapshotCodec.WriteTable([record, record]);
            Assert.Equal(SnapshotCodec.LengthOf(record), SnapshotCodec.ReadLength(bytes));
            SnapshotRecord again = SnapshotCodec.Parse(
                bytes.AsSpan((int)SnapshotCodec.Align(SnapshotCodec.LengthOf(record))), 0);
            Assert.Equal(record.Name, again.Name);
            Assert.Equal(record.InstructionCount, again.InstructionCount);
            Assert.Equal(bytes, SnapshotCodec.WriteTable([again, again]));
        }
    }

    private static byte[] Build(int version, int clusterBits, Random random) => HeaderCodec.Write(new ImageHeader
    {
        Version = version,
        ClusterBits = clusterBits,
        VirtualSizeBytes = 1 << 16,
        L1 = new L1Location(new HostOffset(3L << clusterBits), 1 << 10),
        RefcountTable = new RefcountTableLocation(new HostOffset(1L << clusterBits), 1),
        BackingFileName = random.Next(2) == 0 ? null : "base",
        BackingFormat = random.Next(2) == 0 ? null : "raw",
        AutoclearFeatures = AutoclearFeatures.Bitmaps,
        Bitmaps = new BitmapsExtension(1, new HostOffset(4L << clusterBits), 32),
        UnknownExtensions = [new HeaderExtension(0x1234, [1, 2, 3])],
    });

    private static void Damage(Span<byte> bytes, Random random)
    {
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int index = random.Next(bytes.Length);
            bytes[index] = random.Next(3) switch
            {
                0 => (byte)random.Next(256),
                1 => (byte)(bytes[index] ^ (1 << random.Next(8))),
                _ => (byte)(random.Next(2) * 255),
            };
        }
    }

    private static void AssertParsesOrFails(byte[] cluster, HeaderParsing parsing, int seed)
    {
        try
        {
            ImageHeader header = HeaderCodec.Parse(cluster, parsing);
            ImageHeader again = HeaderCodec.Parse(HeaderCodec.Write(header), parsing);
            Assert.True(header.Equals(again), $"seed {seed}");
        }
        catch (BlockException)
        {
            // The header is refused, or does not fit with the names that are added to it.
        }
    }
}
