using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Layout;

/// <summary>A sound header cluster that tests damage byte by byte.</summary>
internal sealed class HeaderBuilder
{
    public const int BackingOffset = 8;
    public const int BackingBytes = 16;
    public const int ClusterBits = 20;
    public const int Size = 24;
    public const int Crypt = 32;
    public const int L1Count = 36;
    public const int L1Offset = 40;
    public const int TableOffset = 48;
    public const int TableClusters = 56;
    public const int SnapshotCount = 60;
    public const int SnapshotOffset = 64;
    public const int Incompatible = 72;
    public const int Autoclear = 88;
    public const int RefcountOrder = 96;
    public const int HeaderLength = 100;
    public const int Compression = 104;

    public HeaderBuilder(int version = 3, int clusterBits = 16)
    {
        var header = new ImageHeader
        {
            Version = version,
            ClusterBits = clusterBits,
            VirtualSizeBytes = 1 << 20,
            L1 = new L1Location(new HostOffset(3L << clusterBits), 64),
            RefcountTable = new RefcountTableLocation(new HostOffset(1L << clusterBits), 1),
        };
        Bytes = HeaderCodec.Write(header);
    }

    public byte[] Bytes { get; }

    public HeaderBuilder U32(int offset, uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Bytes.AsSpan(offset), value);
        return this;
    }

    public HeaderBuilder U64(int offset, ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Bytes.AsSpan(offset), value);
        return this;
    }

    /// <summary>Writes the only extensions: each a magic and its content.</summary>
    public HeaderBuilder Extensions(params (uint Magic, byte[] Content)[] extensions)
    {
        int position = Bytes[7] == 2 ? 72 : 112;
        Bytes.AsSpan(position).Clear();
        foreach ((uint magic, byte[] content) in extensions)
        {
            U32(position, magic).U32(position + 4, (uint)content.Length);
            content.CopyTo(Bytes, position + 8);
            position += 8 + ((content.Length + 7) & ~7);
        }

        return this;
    }

    public ImageHeader Parse(HeaderParsing parsing = HeaderParsing.ForUse) => HeaderCodec.Parse(Bytes, parsing);

    public void Fails(string message, HeaderParsing parsing = HeaderParsing.ForUse) =>
        Assert.Equal(message, Assert.Throws<BlockException>(() => HeaderCodec.Parse(Bytes, parsing)).Message);
}
