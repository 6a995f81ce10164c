using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Bitmaps;
using Byre.Qcow2.Compression;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Snapshots;

namespace Byre.Qcow2.Io;

/// <summary>
/// An open qcow2 image. Its requests are in the partial files named after them; what they do to metadata is in
/// <c>Metadata/</c>.
/// <para>Life of a write: lease on its guest range → transaction that finds or allocates host clusters → data and
/// copied-on-write bytes in one write → transaction that links the clusters → flush, some time later, in the order of
/// docs/crash-consistency.md.</para>
/// <para>Threading as <see cref="BlockNode"/>. After a corruption event or a failed device flush every request
/// fails.</para>
/// </summary>
internal sealed partial class Qcow2Node : BlockNode, ICompressedTarget
{
    private readonly BlockNode _file;
    private readonly BlockNode _data;
    private readonly ImageTables _tables;
    private readonly FlushOrder _flush;
    private readonly StructureWriter _structure;
    private readonly MetadataLoader _loader;
    private readonly BitmapUse _bitmapUse;
    private readonly GuestRangeTracker _tracker;
    private readonly Qcow2OpenContext _context;
    private readonly Geometry _geometry;
    private readonly BlockLimits _limits;
    private BlockNode? _backing;
    private ClusterCodec? _codec;
    private long _virtualSizeBytes;
    private bool _isUnusable;
    private bool _corruptionSignalled;
    private bool _disposed;
    private bool _hasChanged;

    private Qcow2Node(Qcow2OpenContext context)
    {
        _context = context;
        _file = context.File;
        _data = context.DataFile ?? context.File;
        _tables = new ImageTables(_file, _data, context.Header, context.Options);
        _geometry = _tables.Geometry;
        _tracker = new GuestRangeTracker(
            context.Options.Scheduler, context.Options.Obeys(OrderingRules.LeaseBeforeChange));
        _structure = new StructureWriter(_tables);
        _flush = new FlushOrder(_tables, SetIncompatibleBitAsync);
        _loader = new MetadataLoader(_tables, _flush) { Structure = _structure };
        _flush.Release = new QuarantineRelease(_tables, _loader);
        _flush.RewriteUncertain = _structure.RewriteUncertainAsync;
        _structure.Flush = _flush;
        _structure.Loader = _loader;
        _bitmapUse = new BitmapUse(this);
        _virtualSizeBytes = context.Header.VirtualSizeBytes;
        OpenedFlags = context.Flags;
        _limits = new BlockLimits
        {
            RequestAlignmentBytes = 1,
            WriteZeroesAlignmentBytes = _geometry.SubclusterSize,
            DiscardAlignmentBytes = _geometry.SubclusterSize,
        };
    }

    /// <inheritdoc/>
    public override BlockDriver Driver => _context.Driver;

    /// <inheritdoc/>
    public override long LengthBytes => _virtualSizeBytes;

    /// <inheritdoc/>
    public override BlockLimits Limits => _limits;

    /// <inheritdoc/>
    public override BlockNode? Backing => _backing;

    /// <inheritdoc/>
    public override BlockNode? File => _file;

    /// <inheritdoc/>
    public override bool HasZeroInitialisedGrowth => true;

    /// <inheritdoc/>
    public override bool HasZeroInitialisation => !_tables.HasDataFile || _data.HasZeroInitialisation;

    /// <inheritdoc/>
    public override bool CanUnmapZeroes => _tables.Header.Version >= 3;

    /// <inheritdoc/>
    public override bool CanWriteCompressed => !_tables.HasDataFile;

    /// <inheritdoc/>
    public override IReadOnlyList<BlockChild> Children
    {
        get
        {
            var children = new List<BlockChild>
            {
                new("file", _tables.HasDataFile ? ChildRole.Metadata : ChildRole.Metadata | ChildRole.Data, _file),
            };
            // Where only metadata is wanted the data file was not opened.
            if (_data != _file)
                children.Add(new BlockChild("data-file", ChildRole.Data, _data));
            if (_backing is not null)
                children.Add(new BlockChild("backing", ChildRole.Backing, _backing));
            return children;
        }
    }

    /// <summary>The header as it is on the device now.</summary>
    internal ImageHeader Header => _tables.Header;

    internal ImageTables Tables => _tables;

    internal FlushOrder FlushOrder => _flush;

    internal StructureWriter Structure => _structure;

    internal MetadataLoader Loader => _loader;

    /// <summary>Says in the image that its bitmaps are not kept up to date from now on.</summary>
    internal async ValueTask BeginBitmapUseAsync(CancellationToken cancellation)
    {
        try
        {
            await _bitmapUse.BeginAsync(cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    internal GuestRangeTracker Tracker => _tracker;

    /// <summary>The external data file's node; null without.</summary>
    internal BlockNode? DataFile => _tables.HasDataFile ? _data : null;

    private ClusterCodec Codec => _codec ??=
        _tables.Header.CompressionType == CompressionType.Zstd ? ClusterCodec.Zstandard : ClusterCodec.Deflate;

    /// <summary>
    /// Opens an image whose header and options the driver has read. The children are the node's from now on, even if
    /// this fails.
    /// </summary>
    /// <exception cref="BlockException">The tables cannot be read.</exception>
    internal static async ValueTask<Qcow2Node> OpenAsync(Qcow2OpenContext context, CancellationToken cancellation)
    {
        var node = new Qcow2Node(context);
        try
        {
            await node.LoadTablesAsync(cancellation).ConfigureAwait(false);
            if (!node.IsReadOnly)
                node._file.ExpectAppends();
            node.StartDataCache();
            return node;
        }
        catch
        {
            node._tables.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void ReplaceBacking(BlockNode? backing) => _backing = backing;

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await StopAgeingAsync().ConfigureAwait(false);
        try
        {
            await CloseImageAsync().ConfigureAwait(false);
        }
        catch
        {
            if (_tables.CompressedCache is { } cache)
                await cache.DisposeAsync().ConfigureAwait(false);
            _tables.Dispose();
            await NodeClosing.CloseAfterFailureAsync(_backing, DataFile, _file).ConfigureAwait(false);
            throw;
        }
        finally
        {
            _gathered?.Dispose();
            NodeFigureOutput.Report(this);
        }

        _tables.Dispose();
        await NodeClosing.CloseAllAsync(_backing, DataFile, _file).ConfigureAwait(false);
    }

    /// <summary>Reads the L1 and refcount tables anew: at opening, after a repair.</summary>
    internal async ValueTask LoadTablesAsync(CancellationToken cancellation)
    {
        ImageHeader header = _tables.Header;
        long fileBytes = _file.LengthBytes;
        byte[] l1 = await ReadTableAsync(header.L1.Offset, header.L1.LengthBytes, fileBytes, cancellation)
            .ConfigureAwait(false);
        int refcountBytes = header.RefcountTable.ClusterCount << _geometry.ClusterBits;
        await _file.ReachAsync(BlockEvent.ReftableLoad, cancellation).ConfigureAwait(false);
        byte[] refcounts = await ReadTableAsync(header.RefcountTable.Offset, refcountBytes, fileBytes, cancellation)
            .ConfigureAwait(false);
        (IReadOnlyList<SnapshotRecord> Records, long LengthBytes)? snapshots = (OpenedFlags & OpenFlags.Check) != 0
            ? null
            : await SnapshotTableReader.ReadTableAsync(_file, header, cancellation).ConfigureAwait(false);
        using MetadataScope scope = _tables.Lock.Enter();
        _tables.L2Cache.DropAll(scope);
        _tables.RefcountCache.DropAll(scope);
        _tables.Install(new L1Table(header.L1.Offset, header.L1.EntryCount, l1), refcounts);
        bool zeroGrowth = _file.HasZeroInitialisedGrowth;
        _tables.Pristine.Begin(new HostCluster(zeroGrowth ? _geometry.ClustersFor(fileBytes) : long.MaxValue / 2));
        _virtualSizeBytes = header.VirtualSizeBytes;
        if (snapshots is { } table)
            NoteSnapshots(table.Records, table.LengthBytes);
    }

    /// <summary>
    /// Reads what the file has of a table, in whole entries: memory follows the file, not what its header claims.
    /// </summary>
    private async ValueTask<byte[]> ReadTableAsync(
        HostOffset offset, int lengthBytes, long fileBytes, CancellationToken cancellation)
    {
        int there = (int)Math.Clamp(fileBytes - offset.Value, 0, lengthBytes);
        byte[] bytes = new byte[(there + Geometry.TableEntryBytes - 1) & -Geometry.TableEntryBytes];
        if (there > 0)
            await _file.ReadAsync(offset.Value, bytes.AsMemory(0, there), cancellation).ConfigureAwait(false);
        return bytes;
    }

    private async ValueTask CloseImageAsync()
    {
        if (IsReadOnly || _isUnusable)
            return;
        try
        {
            await FinishImageAsync().ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    private async ValueTask FinishImageAsync()
    {
        try
        {
            await SettleAllAsync(CancellationToken.None).ConfigureAwait(false);
            await _flush.FlushAllAsync(FlushReason.Close, CancellationToken.None).ConfigureAwait(false);
        }
        catch (BlockException failure) when (failure is not CorruptionException)
        {
            throw CacheLoss(failure);
        }

        if (!_hasChanged)
            await _bitmapUse.RestoreAsync(CancellationToken.None).ConfigureAwait(false);

        // An image that was opened for a check was not repaired at opening: only the checker knows whether it is clean.
        bool isForCheck = (OpenedFlags & OpenFlags.Check) != 0;
        if (_tables.Header.IsDirty && !_tables.Header.IsCorrupt && !isForCheck && !KeepsDirtyBit)
            await ClearDirtyBitAsync().ConfigureAwait(false);
    }

    /// <summary>Counts and "copied" flags may disagree: only a repair takes the dirty bit away.</summary>
    internal bool KeepsDirtyBit { get; set; }

    /// <summary>What a close that cannot write the caches back fails with, one exception for each of them.</summary>
    private static BlockException CacheLoss(BlockException failure)
    {
        string why = Errno.Describe(failure.Errno);
        var refcounts = new BlockException(
            failure.Kind, failure.Errno, $"Failed to flush the refcount block cache: {why}", failure);
        return new BlockException(
            failure.Kind, failure.Errno, $"Failed to flush the L2 table cache: {why}", refcounts);
    }

    /// <summary>Clears the dirty bit once all counts are stable.</summary>
    internal ValueTask ClearDirtyBitAsync() => _structure.UpdateHeaderAsync(
        static header =>
            header with { IncompatibleFeatures = header.IncompatibleFeatures & ~IncompatibleFeatures.Dirty },
        CancellationToken.None);

    private ValueTask SetIncompatibleBitAsync(IncompatibleFeatures bit) => _structure.WriteHeaderAsync(
        header => header with { IncompatibleFeatures = header.IncompatibleFeatures | bit }, CancellationToken.None);

    private void ThrowIfUnusable()
    {
        if (_isUnusable)
            throw BlockException.FromErrno(Errno.NoSuchDevice);
    }

    /// <summary>Says once that the image is damaged, where that does not keep a request from its goal.</summary>
    private void ReportCorruption(string message)
    {
        if (_corruptionSignalled)
            return;
        _corruptionSignalled = true;
        DiagnosticOutput.WriteLine(
            $"qcow2: Image is corrupt: {message}; further non-fatal corruption events will be suppressed");
    }

    /// <summary>
    /// A request met damaged metadata: says so once, marks a writable image corrupt and makes the node unusable.
    /// Returns what the request fails with.
    /// </summary>
    private async ValueTask<BlockException> SignalCorruptionAsync(CorruptionException corruption)
    {
        var failure = new BlockException(
            BlockErrorKind.CorruptImage,
            Errno.InputOutput,
            corruption.Prefix + Errno.Describe(Errno.InputOutput),
            corruption);
        bool fatal = corruption.IsFatal && !IsReadOnly;
        if (_corruptionSignalled && (!fatal || _tables.Header.IsCorrupt))
            return failure;
        if (!fatal)
        {
            ReportCorruption(corruption.Message);
            return failure;
        }

        _corruptionSignalled = true;
        DiagnosticOutput.WriteLine(
            $"qcow2: Marking image as corrupt: {corruption.Message}; further corruption events will be suppressed");
        _isUnusable = true;
        if (_tables.Header.Version >= 3)
        {
            try
            {
                await _structure.UpdateHeaderAsync(
                    static header => header with
                    {
                        IncompatibleFeatures = header.IncompatibleFeatures | IncompatibleFeatures.Corrupt,
                    },
                    CancellationToken.None).ConfigureAwait(false);
            }
            catch (BlockException)
            {
                // The image could not be marked; the node is unusable all the same and the request fails.
            }
        }

        return failure;
    }
}
