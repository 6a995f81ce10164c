using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Layout;

public sealed class WireStructTests
{
    [Fact]
    public void SizesAreThoseOfTheSpecification()
    {
        Assert.Equal(RawHeader.Bytes, Unsafe.SizeOf<RawHeader>());
        Assert.Equal(SnapshotRecord.FixedBytes, Unsafe.SizeOf<RawSnapshotRecord>());
        Assert.Equal(BitmapDirectoryEntry.FixedBytes, Unsafe.SizeOf<RawBitmapDirectoryEntry>());
        Assert.Equal(2, Unsafe.SizeOf<U16Be>());
        Assert.Equal(4, Unsafe.SizeOf<U32Be>());
        Assert.Equal(8, Unsafe.SizeOf<U64Be>());
    }

    [Theory]
    [InlineData(nameof(RawHeader.IncompatibleFeatures), 72)]
    [InlineData(nameof(RawHeader.HeaderLengthBytes), 100)]
    [InlineData(nameof(RawHeader.CompressionType), RawHeader.CompressionTypeOffset)]
    [InlineData(nameof(RawHeader.L1Offset), 40)]
    [InlineData(nameof(RawHeader.RefcountTableClusters), 56)]
    [InlineData(nameof(RawHeader.SnapshotsOffset), 64)]
    public void HeaderFieldsLieWhereTheSpecificationSays(string field, int offset) =>
        Assert.Equal(offset, (int)Marshal.OffsetOf<RawHeader>(field));

    [Fact]
    public void NumbersAreBigEndian()
    {
        U32Be number = 0x514649fb;
        Assert.Equal([0x51, 0x46, 0x49, 0xfb], MemoryMarshal.AsBytes(new ReadOnlySpan<U32Be>(in number)).ToArray());
        Assert.Equal(0x514649fbu, number.Value);
    }
}
