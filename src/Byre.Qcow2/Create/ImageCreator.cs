using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Create;

/// <summary>
/// Writes an empty image: refcount structures, an L1 table of zeroes, a barrier, and the header last, so that what is
/// left half-way is no image. Stateless. What is left to the engine is preallocation.
/// </summary>
internal static class ImageCreator
{
    private const int ZeroChunkBytes = 1 << 20;

    /// <summary>
    /// Writes an image of <paramref name="options"/> into <paramref name="file"/>, which is empty or a device, and
    /// flushes it.
    /// </summary>
    /// <returns>The header that was written.</returns>
    /// <exception cref="BlockException">The file cannot be written, the size needs too large an L1 table (EFBIG), or
    /// names do not fit the header.</exception>
    public static async ValueTask<ImageHeader> WriteEmptyAsync(
        BlockNode file, Qcow2CreateOptions options, CancellationToken cancellation)
    {
        var geometry = new Geometry(options.ClusterBits, options.RefcountOrder, options.ExtendedL2);
        L1Location l1 = default;
        var layout = new ImageLayout(geometry);
        long entries = geometry.L1EntriesFor(options.SizeBytes);
        CheckSize(options);
        if (entries > 0)
        {
            long first = layout.Allocate(geometry.ClustersFor(entries * Geometry.TableEntryBytes));
            l1 = new L1Location(geometry.OffsetOf(new HostCluster(first)), (int)entries);
        }

        ImageHeader header = BuildHeader(options, l1, layout);
        byte[] headerCluster = WriteHeader(header, options);

        try
        {
            await WriteAsync(file, layout, header, headerCluster, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Could not write qcow2 header: ");
        }

        return header;
    }

    private static async ValueTask WriteAsync(
        BlockNode file,
        ImageLayout layout,
        ImageHeader header,
        byte[] headerCluster,
        CancellationToken cancellation)
    {
        // A device may hold an older image: its header must not lead to what is written now.
        if (file.LengthBytes > 0)
        {
            await file.WriteAsync(0, new byte[headerCluster.Length], cancellation: cancellation).ConfigureAwait(false);
            await file.FlushAsync(cancellation).ConfigureAwait(false);
        }

        Geometry geometry = header.CreateGeometry();
        var l1 = new ByteRange(header.L1.Offset.Value, header.L1.LengthBytes);
        await ZeroAsync(file, l1, cancellation).ConfigureAwait(false);
        foreach ((long index, long cluster) in layout.Blocks)
        {
            await file.WriteAsync(cluster << geometry.ClusterBits, layout.WriteBlock(index), cancellation: cancellation)
                .ConfigureAwait(false);
        }

        await file.WriteAsync(
            header.RefcountTable.Offset.Value, WriteRefcountTable(layout, geometry), cancellation: cancellation)
            .ConfigureAwait(false);
        await file.FlushAsync(cancellation).ConfigureAwait(false);
        await file.WriteAsync(0, headerCluster, cancellation: cancellation).ConfigureAwait(false);
        await file.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Refuses a virtual size that needs more L1 entries than the format's limit.</summary>
    /// <exception cref="BlockException">EFBIG.</exception>
    public static void CheckSize(Qcow2CreateOptions options)
    {
        var geometry = new Geometry(options.ClusterBits, options.RefcountOrder, options.ExtendedL2);
        if (geometry.CanMap(options.SizeBytes))
            return;
        throw new BlockException(
            BlockErrorKind.InvalidArgument,
            Errno.FileTooLarge,
            "The image size is too large for file format 'qcow2' (try using a larger cluster size)");
    }

    private static ImageHeader BuildHeader(Qcow2CreateOptions options, L1Location l1, ImageLayout layout) => new()
    {
        Version = options.Version,
        BackingFileName = options.BackingFileName,
        BackingFormat = options.BackingFormat,
        ClusterBits = options.ClusterBits,
        VirtualSizeBytes = options.SizeBytes,
        L1 = l1,
        RefcountTable = new RefcountTableLocation(
            new HostOffset(layout.TableCluster << options.ClusterBits), (int)layout.TableClusterCount),
        IncompatibleFeatures =
            (options.DataFileName is not null ? IncompatibleFeatures.DataFile : 0) |
            (options.CompressionType != CompressionType.Zlib ? IncompatibleFeatures.CompressionType : 0) |
            (options.ExtendedL2 ? IncompatibleFeatures.ExtendedL2 : 0),
        CompatibleFeatures = options.LazyRefcounts ? CompatibleFeatures.LazyRefcounts : 0,
        AutoclearFeatures = options.DataFileRaw ? AutoclearFeatures.DataFileRaw : 0,
        RefcountOrder = options.RefcountOrder,
        CompressionType = options.CompressionType,
        DataFileName = options.DataFileName,
        IsCanonical = true,
    };

    private static byte[] WriteHeader(ImageHeader header, Qcow2CreateOptions options)
    {
        try
        {
            // Without the backing file first, so that the text says which name is to blame.
            HeaderCodec.Write(header with { BackingFileName = null, BackingFormat = null });
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Could not update qcow2 header: ");
        }

        try
        {
            if (options.BackingFileName is { } name &&
                NameCodec.Encode(name).Length > FormatLimits.MaxBackingFileNameBytes)
                throw BlockException.FromErrno(Errno.Invalid);
            return HeaderCodec.Write(header);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend(
                $"Could not assign backing file '{options.BackingFileName}' with format " +
                $"'{options.BackingFormat ?? "(null)"}': ");
        }
    }

    private static byte[] WriteRefcountTable(ImageLayout layout, Geometry geometry)
    {
        byte[] table = new byte[layout.TableClusterCount << geometry.ClusterBits];
        foreach ((long index, long cluster) in layout.Blocks)
        {
            BinaryPrimitives.WriteInt64BigEndian(
                table.AsSpan((int)index * Geometry.TableEntryBytes), cluster << geometry.ClusterBits);
        }

        return table;
    }

    private static async ValueTask ZeroAsync(BlockNode file, ByteRange range, CancellationToken cancellation)
    {
        if (range.IsEmpty)
            return;
        if (file.HasZeroInitialisedGrowth && file.LengthBytes <= range.Offset)
        {
            await file.TruncateAsync(new TruncateRequest(range.End, Exact: false), cancellation).ConfigureAwait(false);
            return;
        }

        byte[] zeroes = new byte[Math.Min(ZeroChunkBytes, range.Length)];
        for (long offset = range.Offset; offset < range.End; offset += zeroes.Length)
        {
            int bytes = (int)Math.Min(zeroes.Length, range.End - offset);
            await file.WriteAsync(offset, zeroes.AsMemory(0, bytes), cancellation: cancellation).ConfigureAwait(false);
        }
    }
}
