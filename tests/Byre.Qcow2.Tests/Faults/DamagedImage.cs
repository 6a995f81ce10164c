using System.Buffers.Binary;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>An image file's bytes, and where its tables lie. For one thread.</summary>
internal sealed class DamagedImage
{
    public DamagedImage(byte[] bytes)
    {
        Bytes = [.. bytes];
        Header = HeaderCodec.Parse(Bytes, HeaderParsing.ForCheck);
        Geometry = Header.CreateGeometry();
    }

    public byte[] Bytes { get; }

    public ImageHeader Header { get; }

    public Geometry Geometry { get; }

    public int L1 => (int)Header.L1.Offset.Value;

    public int RefcountTable => (int)Header.RefcountTable.Offset.Value;

    public int FirstRefcountBlock => (int)Read64(RefcountTable);

    public int FirstL2 => (int)(Read64(L1) & L2Entry.OffsetMask);

    public int SnapshotTable => (int)Header.Snapshots.Offset.Value;

    public ulong Read64(int offset) => BinaryPrimitives.ReadUInt64BigEndian(Bytes.AsSpan(offset));

    public DamagedImage Poke64(int offset, ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Bytes.AsSpan(offset), value);
        return this;
    }

    public DamagedImage Poke32(int offset, uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Bytes.AsSpan(offset), value);
        return this;
    }

    public DamagedImage Flip(int offset, ulong bits) => Poke64(offset, Read64(offset) ^ bits);

    public DamagedImage Clear(int offset, int count)
    {
        Bytes.AsSpan(offset, count).Clear();
        return this;
    }

    /// <summary>Sets incompatible feature bits.</summary>
    public DamagedImage Mark(IncompatibleFeatures bits) => Poke64(72, Read64(72) | (ulong)bits);

    /// <summary>Changes the counts of those clusters whose count is as given, up to so many.</summary>
    public DamagedImage Recount(ulong from, ulong to, int atMost)
    {
        Span<byte> block = Bytes.AsSpan(FirstRefcountBlock, Geometry.ClusterSize);
        int clusters = Math.Min(Geometry.RefcountsPerBlock, Bytes.Length >> Geometry.ClusterBits);
        for (int i = clusters - 1; i >= 0 && atMost > 0; i--)
        {
            if (RefcountCodec.Get(block, i, Geometry.RefcountOrder) != from)
                continue;
            RefcountCodec.Set(block, i, Geometry.RefcountOrder, to);
            atMost--;
        }

        return this;
    }
}
