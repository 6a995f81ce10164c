using Byre.Block.Graph;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2;

/// <summary>What <c>info</c> shows of an image. Stateless.</summary>
internal static class Qcow2Info
{
    /// <summary>All that is known of an image.</summary>
    public static ImageInfo Describe(
        ImageHeader header, IReadOnlyList<SnapshotRecord> snapshots, IReadOnlyList<BitmapDirectoryEntry> bitmaps)
    {
        Geometry geometry = header.CreateGeometry();
        return new ImageInfo
        {
            ClusterSizeBytes = header.ClusterSizeBytes,
            SubclusterSizeBytes = geometry.SubclusterSize,
            VmStateOffset = geometry.L1EntriesFor(header.VirtualSizeBytes) << geometry.L1Shift,
            IsDirty = header.IsDirty,
            IsCorrupt = header.IsCorrupt,
            IsEncrypted = header.CryptMethod != CryptMethod.None,
            BackingFileName = header.BackingFileName,
            BackingFormat = header.BackingFormat,
            Snapshots = DescribeAll(snapshots),
            FormatSpecific = DescribeFormat(header, bitmaps),
        };
    }

    /// <summary>Records that a table claims behind the end of the file are one: they cost one description.</summary>
    private static List<SnapshotInfo> DescribeAll(IReadOnlyList<SnapshotRecord> snapshots)
    {
        var descriptions = new List<SnapshotInfo>(snapshots.Count);
        for (int i = 0; i < snapshots.Count; i++)
        {
            bool isSame = i > 0 && ReferenceEquals(snapshots[i], snapshots[i - 1]);
            descriptions.Add(isSame ? descriptions[i - 1] : Describe(snapshots[i]));
        }

        return descriptions;
    }

    /// <summary>One snapshot as a user sees it.</summary>
    public static SnapshotInfo Describe(SnapshotRecord snapshot) => new(snapshot.Id, snapshot.Name)
    {
        VmStateBytes = (long)snapshot.VmStateBytes,
        DateSeconds = snapshot.DateSeconds,
        DateNanoseconds = (int)snapshot.DateNanoseconds,
        VmClockNanoseconds = snapshot.VmClockNanoseconds,
        InstructionCount = snapshot.InstructionCount,
        DiskBytes = (long)snapshot.DiskBytes,
    };

    /// <summary>"Format specific information", in the order in which it is printed.</summary>
    public static InfoObject DescribeFormat(ImageHeader header, IReadOnlyList<BitmapDirectoryEntry> bitmaps)
    {
        bool isVersion3 = header.Version >= 3;
        InfoObject info = new InfoObject()
            .Add("compat", isVersion3 ? "1.1" : "0.10")
            .Add("compression-type", header.CompressionType == CompressionType.Zstd ? "zstd" : "zlib");
        if (isVersion3)
        {
            info.Add("lazy-refcounts", header.HasLazyRefcounts);
            if (bitmaps.Count > 0)
                info.Add("bitmaps", (IReadOnlyList<object>)[.. bitmaps.Select(DescribeBitmap)]);
        }

        info.Add("refcount-bits", 1 << header.RefcountOrder);
        if (isVersion3)
            info.Add("data-file", header.DataFileName);
        if (header.CryptMethod != CryptMethod.None)
            info.Add("encrypt", new InfoObject().Add("format", header.CryptMethod == CryptMethod.Aes ? "aes" : "luks"));
        if (!isVersion3)
            return info;
        if (header.HasDataFile)
            info.Add("data-file-raw", header.IsDataFileRaw);
        return info.Add("corrupt", header.IsCorrupt).Add("extended-l2", header.HasExtendedL2);
    }

    private static InfoObject DescribeBitmap(BitmapDirectoryEntry bitmap)
    {
        var flags = new List<object>();
        if (bitmap.IsInUse)
            flags.Add("in-use");
        if (bitmap.IsAuto)
            flags.Add("auto");
        return new InfoObject()
            .Add("flags", (IReadOnlyList<object>)flags)
            .Add("name", bitmap.Name)
            .Add("granularity", 1L << bitmap.GranularityBits);
    }
}
