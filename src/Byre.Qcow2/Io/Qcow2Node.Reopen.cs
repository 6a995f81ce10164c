using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Changes of an open image's options, and of what its header says of its backing file.</content>
internal sealed partial class Qcow2Node
{
    /// <inheritdoc/>
    public override async ValueTask ChangeBackingFileAsync(
        string? fileName, string? format, CancellationToken cancellation = default)
    {
        ThrowIfNotWritable(changesContent: false);
        if (fileName?.Length > FormatLimits.MaxBackingFileNameBytes)
            throw BlockException.FromErrno(Errno.Invalid);
        if (_tables.Header.IsDataFileRaw && fileName is not null)
            throw BlockException.FromErrno(Errno.Invalid);
        await FlushAllSignallingAsync(cancellation).ConfigureAwait(false);
        await _structure.UpdateHeaderAsync(
            header => header with
            {
                BackingFileName = string.IsNullOrEmpty(fileName) ? null : fileName,
                BackingFormat = string.IsNullOrEmpty(format) ? null : format,
            },
            cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask ReopenAsync(
        OptionSet options, OpenFlags flags, CancellationToken cancellation = default)
    {
        MetadataOptions wanted = _context.ParseOptions?.Invoke(options, flags, _tables.Header) ?? _tables.Options;
        if (!IsReadOnly)
        {
            ThrowIfUnusable();
            await FlushAllSignallingAsync(cancellation).ConfigureAwait(false);
            bool becomesReadOnly = (flags & OpenFlags.ReadWrite) == 0;
            if (_tables.Header.IsDirty && !_tables.Header.IsCorrupt && (becomesReadOnly || !wanted.LazyRefcounts))
                await ClearDirtyBitAsync().ConfigureAwait(false);
        }
        else if ((flags & OpenFlags.ReadWrite) != 0 && _tables.Header.IsCorrupt)
        {
            throw new BlockException(
                BlockErrorKind.CorruptImage, Errno.AccessDenied,
                "qcow2: Image is corrupt; cannot be opened read/write");
        }

        await ApplyOptionsAsync(wanted, cancellation).ConfigureAwait(false);
        OpenedFlags = flags;
        if (!IsReadOnly)
            await BeginBitmapUseAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask ApplyOptionsAsync(MetadataOptions wanted, CancellationToken cancellation)
    {
        MetadataOptions now = _tables.Options;
        bool sameCaches = wanted.L2SliceBytes == now.L2SliceBytes && wanted.L2Slices == now.L2Slices &&
            wanted.L2SlicesAtMost == now.L2SlicesAtMost &&
            wanted.RefcountSliceBytes == now.RefcountSliceBytes && wanted.RefcountSlices == now.RefcountSlices &&
            wanted.BudgetBytes == now.BudgetBytes;
        if (sameCaches)
        {
            _tables.ChangeOptions(wanted);
        }
        else
        {
            await ReplaceCachesAsync(wanted, cancellation).ConfigureAwait(false);
        }

        if (wanted.DataCacheClusters != now.DataCacheClusters || wanted.DataCacheAge != now.DataCacheAge)
            StartDataCache();
        if (wanted.CompressedCacheClusters != now.CompressedCacheClusters)
            await _tables.ReplaceCompressedCacheAsync().ConfigureAwait(false);
    }

    private async ValueTask ReplaceCachesAsync(MetadataOptions wanted, CancellationToken cancellation)
    {
        RefcountTableLocation location = _tables.Header.RefcountTable;
        byte[] refcounts = await ReadTableAsync(
            location.Offset, location.ClusterCount << _geometry.ClusterBits, _file.LengthBytes, cancellation)
            .ConfigureAwait(false);
        _tables.ReplaceCaches(wanted, refcounts);
    }
}
