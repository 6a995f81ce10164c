using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Layout;

/// <summary>A header parsed and written again is the same bytes as the peer made.</summary>
public sealed class HeaderRoundTripTests
{
    public static TheoryData<string> Options => new(
        "compat=1.1",
        "compat=0.10",
        "cluster_size=512",
        "cluster_size=4096",
        "cluster_size=2M",
        "refcount_bits=1,lazy_refcounts=on",
        "refcount_bits=64",
        "extended_l2=on",
        "compression_type=zstd",
        "backing_file=base.img,backing_fmt=raw",
        "compat=0.10,backing_file=base.img,backing_fmt=raw",
        "cluster_size=512,backing_file=base.img,backing_fmt=raw",
        "data_file=data.raw",
        "data_file=data.raw,data_file_raw=on");

    [PeerTheory]
    [MemberData(nameof(Options))]
    public void PeerHeaderSurvives(string options)
    {
        using var peer = new Peer();
        peer.Image("create", "-f", "raw", "base.img", "1M");
        peer.Image("create", "-f", "qcow2", "-o", options, "test.qcow2", "3M");
        AssertSurvives(peer.Read("test.qcow2"));
    }

    [PeerFact]
    public void BitmapsAndSnapshotsSurvive()
    {
        using var peer = new Peer();
        peer.Image("create", "-f", "qcow2", "test.qcow2", "3M");
        peer.Image("bitmap", "--add", "test.qcow2", "first");
        peer.Image("bitmap", "--add", "-g", "32768", "--disable", "test.qcow2", "second");
        peer.Image("snapshot", "-c", "one", "test.qcow2");
        peer.Image("snapshot", "-c", "zwei \u00e4", "test.qcow2");
        byte[] file = peer.Read("test.qcow2");
        ImageHeader header = AssertSurvives(file);

        Assert.Equal(2, header.Bitmaps!.Value.Count);
        byte[] directory = file.AsSpan(
            (int)header.Bitmaps.Value.DirectoryOffset.Value, header.Bitmaps.Value.DirectoryBytes).ToArray();
        IReadOnlyList<BitmapDirectoryEntry> bitmaps = BitmapDirectoryCodec.Parse(directory, header);
        Assert.Equal(["first", "second"], bitmaps.Select(bitmap => bitmap.Name).Order());
        Assert.Equal(directory, BitmapDirectoryCodec.Write(bitmaps));

        var snapshots = new List<SnapshotRecord>();
        long offset = header.Snapshots.Offset.Value;
        for (int i = 0; i < header.Snapshots.Count; i++)
        {
            offset = SnapshotCodec.Align(offset);
            ReadOnlySpan<byte> bytes = file.AsSpan((int)offset);
            snapshots.Add(SnapshotCodec.Parse(bytes, header.VirtualSizeBytes));
            offset += SnapshotCodec.ReadLength(bytes);
        }

        Assert.Equal(["one", "zwei \u00e4"], snapshots.Select(snapshot => snapshot.Name));
        Assert.Equal(["1", "2"], snapshots.Select(snapshot => snapshot.Id));
        Assert.Equal(
            file[(int)header.Snapshots.Offset.Value..(int)offset],
            SnapshotCodec.WriteTable(snapshots));
    }

    [Fact]
    public void NamesThatAreNotUtf8Survive()
    {
        byte[] name = [(byte)'a', 0xff, 0xc3, 0xa4, 0xc3, 0xed, 0xa0, 0x80, (byte)'b'];
        Assert.Equal(name, NameCodec.Encode(NameCodec.Decode(name)));
        Assert.Equal("\u00e4\U0001f600", NameCodec.Decode(NameCodec.Encode("\u00e4\U0001f600")));
    }

    private static ImageHeader AssertSurvives(byte[] file)
    {
        int bytes = 1 << HeaderCodec.ReadClusterBits(file);
        ImageHeader header = HeaderCodec.Parse(file);
        Assert.Equal(file[..bytes], HeaderCodec.Write(header));
        return header;
    }
}
