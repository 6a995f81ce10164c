using Byre.Block.Bitmaps;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Create;

/// <summary>
/// How large the file of a new image is: its metadata as for an image whose every cluster is written, and the clusters
/// that hold data. Stateless.
/// </summary>
internal static class ImageMeasurement
{
    /// <param name="options">Of the new image, but for its size.</param>
    /// <param name="newBytes">Its size where there is no source.</param>
    /// <param name="source">What it would be a copy of; null for an empty image.</param>
    /// <param name="cancellation">Ends the look at the source.</param>
    /// <exception cref="BlockException">The image would be too large, or the source cannot be read.</exception>
    public static async ValueTask<ImageMeasure> MeasureAsync(
        Qcow2CreateOptions options, long newBytes, BlockNode? source, CancellationToken cancellation)
    {
        var geometry = new Geometry(options.ClusterBits, options.RefcountOrder, options.ExtendedL2);
        long sizeBytes = source?.LengthBytes ?? newBytes;
        if (!geometry.CanMap(sizeBytes))
        {
            throw new BlockException(
                BlockErrorKind.InvalidArgument,
                Errno.FileTooLarge,
                "The image size is too large (try using a larger cluster size)");
        }

        long dataBytes = geometry.ClustersFor(sizeBytes) << geometry.ClusterBits;
        long metadataBytes = MetadataBytes(geometry, sizeBytes);

        // What a backing file would hold of the source is not known here, and preallocated clusters are all there.
        bool takesAll = (options.BackingFileName is not null && source is not null)
            || options.Preallocation is PreallocationMode.Falloc or PreallocationMode.Full;
        long present = takesAll
            ? dataBytes
            : source is null ? 0 : await CountDataAsync(geometry, source, cancellation).ConfigureAwait(false);
        long? bitmaps = options.Version >= 3 && source is IBitmapSource bitmapSource
            ? await CountBitmapsAsync(geometry, bitmapSource, sizeBytes, cancellation).ConfigureAwait(false)
            : null;
        return new ImageMeasure(metadataBytes + present, metadataBytes + dataBytes, bitmaps);
    }

    /// <summary>The header, the L1 table, all L2 tables, and the refcount structures that count it all.</summary>
    private static long MetadataBytes(Geometry geometry, long sizeBytes)
    {
        long l2Tables = geometry.L1EntriesFor(sizeBytes);
        long clusters = 1 + l2Tables + geometry.ClustersFor(l2Tables * Geometry.TableEntryBytes);
        (long blocks, long table) =
            RefcountSizing.Count(clusters + geometry.ClustersFor(sizeBytes), geometry, generous: false);
        return (clusters + blocks + table) << geometry.ClusterBits;
    }

    /// <summary>Bytes of the clusters that are not zeroes all through.</summary>
    private static async ValueTask<long> CountDataAsync(
        Geometry geometry, BlockNode source, CancellationToken cancellation)
    {
        const BlockStatus Present = BlockStatus.Data | BlockStatus.Allocated;
        long end = source.LengthBytes;
        long bytes = 0;
        long next;
        for (long at = 0; at < end; at = next)
        {
            ChainExtent found = await BackingChain
                .GetStatusAboveAsync(source, null, ByteRange.FromEnd(at, end), cancellation).ConfigureAwait(false);
            next = at + found.Extent.Length;
            Invariant.That(next > at);
            if (found.Extent.Has(BlockStatus.Zero) || (found.Extent.Status & Present) != Present)
                continue;
            next = geometry.ClustersFor(next) << geometry.ClusterBits;
            bytes += next - geometry.StartOfCluster(at);
        }

        return bytes;
    }

    /// <summary>Each bitmap with all of its clusters, its table, and its entry in the directory.</summary>
    private static async ValueTask<long?> CountBitmapsAsync(
        Geometry geometry, IBitmapSource source, long sizeBytes, CancellationToken cancellation)
    {
        IReadOnlyList<BitmapDescription>? bitmaps =
            await source.ListBitmapsAsync(cancellation).ConfigureAwait(false);
        if (bitmaps is null)
            return null;
        long clusters = 0;
        long directoryBytes = 0;
        foreach (BitmapDescription bitmap in bitmaps.Where(bitmap => bitmap.IsConsistent))
        {
            long bits = Geometry.DivideUp(sizeBytes, bitmap.GranularityBytes);
            long dataClusters = geometry.ClustersFor(Geometry.DivideUp(bits, 8));
            clusters += dataClusters + geometry.ClustersFor(dataClusters * Geometry.TableEntryBytes);
            directoryBytes += BitmapDirectoryCodec.LengthOf(bitmap.Name);
        }

        return (clusters + geometry.ClustersFor(directoryBytes)) << geometry.ClusterBits;
    }
}
