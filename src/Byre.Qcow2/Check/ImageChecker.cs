using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Checks a qcow2 image and repairs it. Works on the file alone, not through a cache: whoever has the image open has
/// flushed it, makes no requests meanwhile and reads its tables again afterwards where something was repaired. The
/// order of the checks, their texts and what each repair mode mends are the peer's.
/// <para>Memory: one byte a used cluster, the refcount table, the L1 table, and a few batches of L2 tables.</para>
/// <para>Crash safety: a repair only writes what is right by itself at that moment (counts before flags, structures
/// before the pointers to them, with barriers between), so that an interrupted repair can be run again.</para>
/// </summary>
public sealed class ImageChecker
{
    private readonly CheckContext _context;
    private readonly SnapshotTableCheck _snapshots;
    private RefcountCensus _census;
    private RefcountStructure _structure = null!;
    private RepairGuard _guard = null!;
    private IReadOnlySet<long> _rejected = new HashSet<long>();
    private bool _isPlain;

    // What could not be read of a refcount structure that has been replaced since.
    private long _supersededErrors;

    private ImageChecker(CheckContext context, long clusterCount)
    {
        _context = context;
        _snapshots = new SnapshotTableCheck(context);
        _census = new RefcountCensus(context.Geometry.RefcountMax, clusterCount);
    }

    private CheckReport Tally => _context.Tally;

    /// <summary>Checks an image, and repairs what <see cref="CheckOptions.Repair"/> allows.</summary>
    /// <param name="file">The image file; writable where something may be repaired.</param>
    /// <param name="header">The file's header, parsed with <see cref="HeaderParsing.ForCheck"/>.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Ends the check between two requests; what was repaired stays.</param>
    /// <exception cref="BlockException">The check could not be completed; findings so far have been
    /// reported.</exception>
    public static async ValueTask<CheckReport> CheckAsync(
        BlockNode file, ImageHeader header, CheckOptions options, CancellationToken cancellation = default)
    {
        var context = new CheckContext(file, header, options, cancellation);
        long clusters = context.Geometry.ClustersFor(file.LengthBytes);
        if (clusters > int.MaxValue)
            throw BlockException.FromErrno(Errno.FileTooLarge);
        return await new ImageChecker(context, clusters).RunAsync().ConfigureAwait(false);
    }

    private async ValueTask<CheckReport> RunAsync()
    {
        ImageHeader header = _context.Header;
        byte[] activeL1 = await _context.ReadTableAsync(header.L1.Offset, header.L1.LengthBytes).ConfigureAwait(false);
        _guard = new RepairGuard(_context, activeL1);
        await LoadStructureAsync().ConfigureAwait(false);
        await _snapshots.RunAsync().ConfigureAwait(false);

        long highestCluster = await CheckRefcountsAsync().ConfigureAwait(false);
        if (!_isPlain)
            await new CopiedFlagCheck(_context, _structure, _census, _guard).RunAsync(activeL1).ConfigureAwait(false);
        Tally.ImageEndBytes = _context.Geometry.OffsetOf(new HostCluster(highestCluster + 1)).Value;
        Tally.TotalClusters = _context.Geometry.ClustersFor(header.VirtualSizeBytes);

        if (_snapshots.Corruptions > 0 && _context.RepairsErrors)
        {
            await RepairSnapshotTableAsync().ConfigureAwait(false);

            // The old table may have shared its place with clusters that are counted once now.
            var flags = new CopiedFlagCheck(_context, _structure, _census, _guard);
            await flags.RunAsync(activeL1).ConfigureAwait(false);
        }

        Tally.Corruptions += _snapshots.Corruptions;
        Tally.CorruptionsFixed += _snapshots.CorruptionsFixed;
        if (_context.Repair != RepairMode.None && Tally.CheckErrors == _supersededErrors && Tally.Corruptions == 0)
            await HeaderPatch.SetCleanAsync(_context).ConfigureAwait(false);
        return Tally;
    }

    /// <summary>
    /// Counts all references, compares them with the counts and repairs those; returns the last cluster in use.
    /// </summary>
    private async ValueTask<long> CheckRefcountsAsync()
    {
        bool needsRebuild = await CountAllAsync(_context.RepairsErrors).ConfigureAwait(false);
        bool isFinal = _context.Repair == RepairMode.None;
        ComparisonResult found = await CompareAsync(RepairMode.None, adopt: isFinal).ConfigureAwait(false);
        needsRebuild |= found.NeedsRebuild;
        if (needsRebuild && _context.RepairsErrors)
        {
            found.AddTo(Tally);
            return await RebuildAsync().ConfigureAwait(false);
        }

        bool isWrong = Tally.Leaks + Tally.Corruptions + found.Leaks + found.Corruptions > 0;
        _isPlain &= !isWrong && found.CheckErrors == 0 && _census.IsAtMostOneEverywhere();
        if (_context.Repair != RepairMode.None && needsRebuild)
        {
            _context.Fail(CheckFindingId.RebuildNeeded, "ERROR need to rebuild refcount structures");
            throw BlockException.FromErrno(Errno.InputOutput);
        }

        // What was found is found again, and repaired, by the second comparison.
        if (_context.Repair != RepairMode.None && isWrong)
            found = await CompareAsync(_context.Repair, adopt: true).ConfigureAwait(false);
        found.AddTo(Tally);
        return found.HighestCluster;
    }

    private async ValueTask<long> RebuildAsync()
    {
        _context.Say(CheckFindingId.Rebuilding, "Rebuilding refcount structure");
        (long oldCorruptions, long oldLeaks) = (Tally.Corruptions, Tally.Leaks);
        await new RefcountRebuild(_context, _census, _rejected, _guard).RunAsync().ConfigureAwait(false);
        _supersededErrors = Tally.CheckErrors;

        // Count again: the new structure is referred to now, and the old one is not any more.
        (Tally.Corruptions, Tally.Leaks) = (0, 0);
        (Tally.AllocatedClusters, Tally.FragmentedClusters, Tally.CompressedClusters) = (0, 0, 0);
        ComparisonResult remaining = await RecountAsync().ConfigureAwait(false);
        if (remaining.NeedsRebuild)
            _context.Say(CheckFindingId.RebuildIncomplete, "ERROR rebuilt refcount structure is still broken");

        // The file may be longer now, and what pointed behind its end points into it: not counted yet.
        Tally.Corruptions += remaining.Corruptions;
        Tally.CorruptionsFixed += Math.Max(0, oldCorruptions - Tally.Corruptions);
        Tally.LeaksFixed += Math.Max(0, oldLeaks - Tally.Leaks);
        Tally.Leaks += remaining.Leaks;
        _isPlain = false;
        return remaining.HighestCluster;
    }

    /// <summary>
    /// Loads the structure that the header points to now, counts everything and frees what is no longer referred to.
    /// </summary>
    private async ValueTask<ComparisonResult> RecountAsync()
    {
        await LoadStructureAsync().ConfigureAwait(false);
        long clusters = Math.Max(_census.ClusterCount, _context.Geometry.ClustersFor(_context.File.LengthBytes));
        _census = new RefcountCensus(_context.Geometry.RefcountMax, clusters);
        bool needsRebuild = await CountAllAsync(repairs: false).ConfigureAwait(false);
        ComparisonResult result = await CompareAsync(RepairMode.Leaks, adopt: true).ConfigureAwait(false);
        result.NeedsRebuild |= needsRebuild;
        // What cannot be read of the new structure cannot be called clean.
        Tally.CheckErrors += result.CheckErrors;
        return result;
    }

    private async ValueTask RepairSnapshotTableAsync()
    {
        try
        {
            var repair = new SnapshotTableRepair(_context, _census, _guard);
            if (!await repair.RunAsync(_structure).ConfigureAwait(false))
                await GrowStructureAsync(repair).ConfigureAwait(false);
        }
        catch (BlockException error)
        {
            _context.Fail(
                CheckFindingId.SnapshotTableNotWritten,
                $"ERROR failed to update snapshot table: {Errno.Describe(error.Errno)}");
            throw;
        }

        _snapshots.MarkFixed();
    }

    /// <summary>
    /// The refcount blocks are full: a rebuilt structure brings a new one, with room for the snapshot table.
    /// </summary>
    private async ValueTask GrowStructureAsync(SnapshotTableRepair repair)
    {
        await new RefcountRebuild(_context, _census, _rejected, _guard).RunAsync().ConfigureAwait(false);
        await LoadStructureAsync().ConfigureAwait(false);
        if (!await repair.RunAsync(_structure).ConfigureAwait(false))
            throw BlockException.FromErrno(Errno.NoSpace);
        (long corruptions, long leaks) = (Tally.Corruptions, Tally.Leaks);
        await RecountAsync().ConfigureAwait(false);
        (Tally.Corruptions, Tally.Leaks) = (corruptions, leaks);
    }

    private ValueTask<ComparisonResult> CompareAsync(RepairMode repair, bool adopt) =>
        new RefcountComparison(_context, _structure, _census).RunAsync(repair, adopt);

    private async ValueTask LoadStructureAsync()
    {
        _structure = await RefcountStructure.LoadAsync(_context, _guard).ConfigureAwait(false);
        _guard.Use(_structure);
    }

    /// <summary>
    /// Counts everything that metadata refers to; true where the refcount structure has to be rebuilt.
    /// </summary>
    private async ValueTask<bool> CountAllAsync(bool repairs)
    {
        var counter = new ReferenceCounter(_context, _census);
        var walk = new MappingWalk(_context, counter, _guard, repairs);
        ImageHeader header = _context.Header;
        counter.Count(default, _context.ClusterSize);
        var activeL1 = new TableExtent(header.L1.Offset, header.L1.LengthBytes);
        var grouped = new GroupedWalk(_context, counter, walk, repairs);
        await grouped.WalkActiveAsync(activeL1).ConfigureAwait(false);
        await CountSnapshotsAsync(counter, grouped).ConfigureAwait(false);
        counter.Count(_context.RefcountTable.Offset, RefcountStructure.ClaimedBytes(_context));
        if (header.CryptoHeader is { } crypto)
            counter.Count(crypto.Offset, crypto.LengthBytes);
        await BitmapCheck.RunAsync(_context, counter).ConfigureAwait(false);
        var tableCheck = new RefcountTableCheck(_context, _structure, counter);
        bool needsRebuild = await tableCheck.RunAsync(repairs).ConfigureAwait(false);
        _rejected = counter.RejectedClusters;
        _isPlain = walk.IsAllCopied && !counter.HasRejected && !needsRebuild;
        return needsRebuild;
    }

    private async ValueTask CountSnapshotsAsync(ReferenceCounter counter, GroupedWalk walk)
    {
        if (_context.Header.HasDataFile && _context.Snapshots.Count > 0)
        {
            _context.Corrupt(
                CheckFindingId.SnapshotsWithDataFile,
                $"ERROR {_context.Snapshots.Count} snapshots in image with data file");
        }

        await walk.WalkSnapshotsAsync(_context.Snapshots).ConfigureAwait(false);
        counter.Count(_context.SnapshotTable.Offset, _context.SnapshotTable.LengthBytes);
    }
}
