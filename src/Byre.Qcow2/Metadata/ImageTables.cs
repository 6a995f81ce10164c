using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.WriteCache;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// The metadata of one open image and the lock over it: what transactions work on. Owned by the node; the parts do no
/// I/O themselves (see <see cref="MetadataLoader"/>, <see cref="FlushOrder"/>, <see cref="StructureWriter"/>).
/// </summary>
internal sealed class ImageTables : IDisposable
{
    private readonly CacheCleaner _cleaner;

    /// <exception cref="BlockException">There is no memory for caches that large.</exception>
    public ImageTables(BlockNode file, BlockNode dataFile, ImageHeader header, MetadataOptions options)
    {
        File = file;
        DataFile = dataFile;
        HasDataFile = header.HasDataFile;
        Header = header;
        Options = options;
        Geometry = header.CreateGeometry();
        (L2Cache, RefcountCache) = CreateCaches(options);
        Pristine = new PristineClusters(Geometry);
        Epochs = new RequestEpochs(options.Scheduler);
        Quarantine = new ClusterQuarantine(Geometry, Epochs, options.Obeys(OrderingRules.UnlinkBeforeReuse));
        CompressedCache = CreateCompressedCache();
        JoinBudget();
        _cleaner = new CacheCleaner(this);
    }

    public Geometry Geometry { get; }

    /// <summary>Holds the metadata.</summary>
    public BlockNode File { get; }

    /// <summary>Holds guest data; the same as <see cref="File"/> unless the image has an external data file.</summary>
    public BlockNode DataFile { get; }

    public bool HasDataFile { get; }

    public MetadataLock Lock { get; } = new();

    /// <summary>The header as it is on the device; changed by <see cref="StructureWriter"/> only.</summary>
    public ImageHeader Header { get; set; }

    public MetadataOptions Options { get; private set; }

    public SliceCache L2Cache { get; private set; }

    public SliceCache RefcountCache { get; private set; }

    public PristineClusters Pristine { get; }

    public RequestEpochs Epochs { get; }

    public ClusterQuarantine Quarantine { get; }

    /// <summary>Compressed data that is linked but not written yet; null where the option disables it.</summary>
    public ClusterWriteCache? CompressedCache { get; private set; }

    public L1Table L1 { get; private set; } = null!;

    public RefcountTable Refcounts { get; private set; } = null!;

    public ClusterAllocator Allocator { get; private set; } = null!;

    public ClusterMap Map { get; private set; } = null!;

    public OverlapGuard Overlap { get; private set; } = null!;

    /// <summary>Takes the tables as they were read.</summary>
    public void Install(L1Table l1, ReadOnlySpan<byte> refcountTable)
    {
        L1 = l1;
        Refcounts = new RefcountTable(Geometry, RefcountCache, Header.RefcountTable, refcountTable);
        // The packing position is gone with the old allocator: what was gathered is as long as it will be.
        CompressedCache?.EndAll();
        Allocator = new ClusterAllocator(Geometry, Refcounts, Pristine)
        {
            OnPackingEnded = end => CompressedCache?.End(end.Value),
        };
        Map = new ClusterMap(this);
        OverlapGuard? before = Overlap;
        Overlap = new OverlapGuard(this)
        {
            SnapshotTable = before?.SnapshotTable ?? default,
            InactiveL1Tables = before?.InactiveL1Tables ?? [],
        };
    }

    /// <summary>Takes options that leave the caches as they are.</summary>
    public void ChangeOptions(MetadataOptions options)
    {
        Options = options;
        _cleaner.Restart();
    }

    /// <summary>
    /// Replaces the caches by ones of another size; both must be clean and unpinned. Where there is no memory for them
    /// nothing has changed.
    /// </summary>
    public void ReplaceCaches(MetadataOptions options, ReadOnlySpan<byte> refcountTable)
    {
        (SliceCache l2, SliceCache refcounts) = CreateCaches(options);
        LeaveBudget();
        using (MetadataScope scope = Lock.Enter())
        {
            _ = scope;
            L2Cache.Dispose();
            RefcountCache.Dispose();
            L2Cache = l2;
            RefcountCache = refcounts;
            Install(L1, refcountTable);
        }

        ChangeOptions(options);
        JoinBudget();
    }

    /// <summary>
    /// The disk has another size, or is about to: the cache of L2 tables follows it, within what the options allow.
    /// </summary>
    public void FitCacheTo(long virtualSizeBytes)
    {
        if (Options.BudgetBytes is not null)
            return;
        long slices = Geometry.L2BytesFor(virtualSizeBytes) >> L2Cache.SliceBits;
        int limit = (int)Math.Clamp(slices, CacheBudget.MinL2Slices, Options.L2SlicesAtMost);
        // What was allowed stays so, also where nothing said it but the size until now.
        Options = Options with { L2Slices = limit, L2SlicesAtMost = Options.L2SlicesAtMost };
        using MetadataScope scope = Lock.Enter();
        L2Cache.SetLimit(scope, limit);
    }

    /// <summary>
    /// Has the compressed cache be of the size that the options tell. It must have been flushed; packing starts over.
    /// </summary>
    public async ValueTask ReplaceCompressedCacheAsync()
    {
        ClusterWriteCache? old = CompressedCache;
        using (MetadataScope scope = Lock.Enter())
        {
            Allocator.Restart(scope);
            CompressedCache = CreateCompressedCache();
        }

        if (old is not null)
            await old.DisposeAsync().ConfigureAwait(false);
    }

    private ClusterWriteCache? CreateCompressedCache() => Options.CompressedCacheClusters == 0
        ? null
        : new ClusterWriteCache(new CompressedDataTarget(this), Geometry.ClusterSize, Options.Scheduler)
        {
            MaxClusters = Options.CompressedCacheClusters,
        };

    public void Dispose()
    {
        _cleaner.Dispose();
        LeaveBudget();
        L2Cache.Dispose();
        RefcountCache.Dispose();
    }

    private static (SliceCache L2, SliceCache Refcounts) CreateCaches(MetadataOptions options)
    {
        var l2 = new SliceCache(
            options.L2SliceBytes, options.L2SlicesAtMost, options.Scheduler, firstLimit: options.L2Slices);
        try
        {
            return (l2, new SliceCache(options.RefcountSliceBytes, options.RefcountSlices, options.Scheduler));
        }
        catch
        {
            l2.Dispose();
            throw;
        }
    }

    private void JoinBudget()
    {
        if (Options.BudgetBytes is { } bytes)
            Options.Budget.Join(this, bytes);
    }

    private void LeaveBudget()
    {
        if (Options.BudgetBytes is not null)
            Options.Budget.Leave(this);
    }
}
