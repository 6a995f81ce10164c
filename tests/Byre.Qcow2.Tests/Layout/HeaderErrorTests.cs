using System.Text;
using Byre.Qcow2.Layout;
using H = Byre.Qcow2.Tests.Layout.HeaderBuilder;

namespace Byre.Qcow2.Tests.Layout;

/// <summary>Every way in which a header can be refused, with the peer's text.</summary>
public sealed class HeaderErrorTests
{
    [Fact]
    public void FixedPart()
    {
        new H().U32(0, 0x514649fa).Fails("Image is not in qcow2 format");
        new H().U32(4, 1).Fails("Unsupported qcow2 version 1");
        new H().U32(4, 4).Fails("Unsupported qcow2 version 4");
        new H().U32(H.ClusterBits, 8).Fails("Unsupported cluster size: 2^8");
        new H().U32(H.ClusterBits, 22).Fails("Unsupported cluster size: 2^22");
        new H().U32(H.HeaderLength, 103).Fails("qcow2 header too short");
        new H().U32(H.HeaderLength, 65537).Fails("qcow2 header exceeds cluster size");
        new H().U32(H.HeaderLength, 0xffffffff).Fails("qcow2 header exceeds cluster size");
        new H().U64(H.BackingOffset, 65537).Fails("Invalid backing file offset");
        new H().U64(H.BackingOffset, ulong.MaxValue).Fails("Invalid backing file offset");
        new H().U64(H.BackingOffset, 1000).U32(H.BackingBytes, 1024).Fails("Backing file name too long");
        new H().U64(H.BackingOffset, 65530).U32(H.BackingBytes, 7).Fails("Backing file name too long");
        new H().U32(H.RefcountOrder, 7).Fails("Reference count entry width too large; may not exceed 64 bits");
        new H().U32(H.Crypt, 2).Fails("Missing CRYPTO header for crypt method 2");
        new H().U32(H.Crypt, 3).Fails("Unsupported encryption method 3");
    }

    [Fact]
    public void Tables()
    {
        new H().U32(H.TableClusters, 0).Fails("Image does not contain a reference count table");
        new H().U32(H.TableClusters, 129).Fails("Reference count table too large");
        new H().U64(H.TableOffset, 0x10200).Fails("Reference count table offset invalid");
        new H().U64(H.TableOffset, 0x7fffffffffff0000).Fails("Reference count table offset invalid");
        new H().U32(H.SnapshotCount, 65537).Fails("Snapshot table too large");
        new H().U32(H.SnapshotCount, 1).U64(H.SnapshotOffset, 1).Fails("Snapshot table offset invalid");
        new H().U32(H.L1Count, 4194305).Fails("Active L1 table too large");
        new H().U64(H.L1Offset, ulong.MaxValue << 16).Fails("Active L1 table offset invalid");
        new H().U32(H.L1Count, 0).Fails("L1 table is too small");
        new H().U64(H.Size, 1UL << 50).Fails("L1 table is too small");
        new H().U64(H.Size, 0x7fffffffffffffff).Fails("Image is too big");
        new H().U64(H.Size, ulong.MaxValue).Fails("Image is too big");
        new H(clusterBits: 9).U64(H.Size, 1UL << 62).Fails("Image is too big");
    }

    [Fact]
    public void CheckToleratesWhatItCanRepair()
    {
        Assert.Equal(0, new H().U32(H.TableClusters, 0).Parse(HeaderParsing.ForCheck).RefcountTable.ClusterCount);
        ImageHeader header = new H()
            .U32(H.SnapshotCount, 0xffffffff).U64(H.SnapshotOffset, 1).Parse(HeaderParsing.ForCheck);
        Assert.Equal(0xffffffff, header.Snapshots.Count);
    }

    [Fact]
    public void Features()
    {
        byte[] name = new byte[48];
        name[1] = 63;
        Encoding.ASCII.GetBytes("Test feature", name.AsSpan(2));
        (uint, byte[]) table = (HeaderExtension.FeatureTable, name);

        new H().U64(H.Incompatible, 1UL << 63).Extensions(table).Fails("Unsupported qcow2 feature(s): Test feature");
        new H().U64(H.Incompatible, 7UL << 61).Extensions(table)
            .Fails("Unsupported qcow2 feature(s): Test feature, Unknown incompatible feature: 6000000000000000");
        new H().U64(H.Incompatible, 1UL << 5).Extensions((HeaderExtension.BackingFormat, new byte[20]))
            .Fails("Unsupported qcow2 feature(s): Unknown incompatible feature: 20");
        new H(clusterBits: 13).U64(H.Incompatible, 16).Fails("Unsupported subcluster size: 256");
        new H().U64(H.Incompatible, 8).Fails("qcow2: Compression type incompatible feature bit must not be set");
        new H().U32(H.Compression, 1 << 24).Fails("qcow2: Compression type incompatible feature bit must be set");
        new H().U32(H.Compression, 2 << 24).Fails("qcow2: unknown compression type: 2");
    }

    [Fact]
    public void Extensions()
    {
        new H().U32(116, 0xffffffff).Fails("Header extension too large");
        new H().U64(H.BackingOffset, 116).Fails("Header extension too large");
        new H().Extensions((HeaderExtension.BackingFormat, new byte[16]))
            .Fails("ERROR: ext_backing_format: len=16 too large (>=16)");
        new H().Extensions((HeaderExtension.CryptoHeader, new byte[16]))
            .Fails("CRYPTO header extension only expected with LUKS encryption method");
        new H().U32(H.Crypt, 2).Extensions((HeaderExtension.CryptoHeader, new byte[15]))
            .Fails("CRYPTO header extension size 15, but expected size 16");
        new H().U32(H.Crypt, 2).Extensions(
            (HeaderExtension.CryptoHeader, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]))
            .Fails("Encryption header offset '1' is not a multiple of cluster size '65536'");
    }

    [Fact]
    public void BitmapsExtension()
    {
        Bitmaps(_ => new byte[23]).Fails("bitmaps_ext: Invalid extension length: Invalid argument");
        Bitmaps(bytes => Set(bytes, 7, 1)).Fails("bitmaps_ext: Reserved field is not zero");
        Bitmaps(bytes => Set(bytes, 3, 0)).Fails("found bitmaps extension with zero bitmaps");
        Bitmaps(bytes => Set(bytes, 1, 1)).Fails(
            "bitmaps_ext: Image has 65537 bitmaps, exceeding the QEMU supported maximum of 65535");
        Bitmaps(bytes => Set(bytes, 23, 1)).Fails("bitmaps_ext: invalid bitmap directory offset");
        Bitmaps(bytes => Set(bytes, 12, 255)).Fails(
            "bitmaps_ext: bitmap directory size (4278190144) exceeds the maximum supported size (67107840)");

        ImageHeader stale = Bitmaps(bytes => bytes).U64(H.Autoclear, 0).Parse();
        Assert.True(stale.HasStaleBitmaps);
        Assert.Null(stale.Bitmaps);
    }

    [Fact]
    public void UnknownPartsSurviveInOrder()
    {
        H builder = new H().U32(H.HeaderLength, 112).U64(80, 0xf0f0).U64(H.Autoclear, 1UL << 40)
            .Extensions((7, [1, 2, 3]), (0x12345678, []), (5, new byte[300]));
        ImageHeader header = builder.Parse();
        Assert.Equal([7u, 0x12345678u, 5u], header.UnknownExtensions.Select(extension => extension.Magic));
        Assert.Equal(header, HeaderCodec.Parse(HeaderCodec.Write(header)));
        Assert.Equal(0xf0f0UL, (ulong)header.CompatibleFeatures);
        Assert.Equal(1UL << 40, (ulong)header.AutoclearFeatures);
    }

    [Fact]
    public void LongerFixedPartSurvives()
    {
        var header = new ImageHeader
        {
            ClusterBits = 12,
            RefcountTable = new RefcountTableLocation(new HostOffset(4096), 1),
            UnknownFields = [1, 2, 3, 4, 5, 6, 7, 8],
            BackingFileName = "base",
        };
        ImageHeader again = HeaderCodec.Parse(HeaderCodec.Write(header));
        Assert.Equal(header.UnknownFields, again.UnknownFields.AsEnumerable());
        Assert.Equal("base", again.BackingFileName);
        Assert.Equal(120, again.HeaderLengthBytes);
    }

    [Fact]
    public void HeaderThatDoesNotFitIsRefused()
    {
        var header = new ImageHeader { ClusterBits = 9, BackingFileName = new string('x', 400) };
        Assert.Equal(
            "No space left on device",
            Assert.Throws<Block.Errors.BlockException>(() => HeaderCodec.Write(header)).Message);
    }

    private static H Bitmaps(Func<byte[], byte[]> change)
    {
        byte[] content = new byte[24];
        content[3] = 1;
        content[15] = 64;
        content[21] = 4;
        return new H().U64(H.Autoclear, 1).Extensions((HeaderExtension.Bitmaps, change(content)));
    }

    private static byte[] Set(byte[] bytes, int index, byte value)
    {
        bytes[index] = value;
        return bytes;
    }
}
