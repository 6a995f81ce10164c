using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Follows L1 tables to their L2 tables and counts everything they refer to. L2 tables are read and decoded on
/// several threads; counting and reporting happen in the order of the entries, on one thread at a time.
/// </summary>
internal sealed class MappingWalk(CheckContext context, ReferenceCounter counter, RepairGuard guard, bool repairs)
{
    private bool _hasRepaired;

    /// <summary>True while every cluster that the active tables own has its copied flag.</summary>
    public bool IsAllCopied { get; private set; } = true;

    /// <summary>Walks one L1 table and counts its own clusters as well.</summary>
    /// <exception cref="BlockException">A table cannot be read; that has been reported.</exception>
    public async ValueTask WalkAsync(TableExtent l1, bool isActive)
    {
        if (l1.LengthBytes == 0)
            return;
        counter.Count(l1.Offset, l1.LengthBytes);
        byte[] table;
        try
        {
            table = await context.ReadTableAsync(l1.Offset, l1.LengthBytes).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            context.Fail(CheckFindingId.InputOutput, "ERROR: I/O error in check_refcounts_l1");
            throw;
        }

        await OrderedPipeline.RunAsync(
            L1Batch.Split(table, L2BatchScan.BatchTables(context.Geometry)),
            context.Parallelism,
            batch => L2BatchScan.RunAsync(context, batch, repairs),
            scan => CountAsync(scan, isActive)).ConfigureAwait(false);
    }

    /// <summary>Notes what active tables refer to that were counted together, for entries that share them.</summary>
    public void NoteShared(L2Tally tally)
    {
        IsAllCopied = false;
        Tally(tally);
    }

    /// <summary>
    /// Says again what there is to say of an entry and its L2 table, whose references have been counted with those of
    /// other walks. Nothing of it may be an overflow.
    /// </summary>
    public async ValueTask RetellAsync(L1Entry entry, bool isActive)
    {
        ReportReserved(entry);
        counter.RejectsAndReports(new TableExtent(entry.TableOffset, context.ClusterSize));
        ReportUnaligned(entry);
        using L2BatchScan scan = await L2BatchScan.RunAsync(context, L1Batch.Of([entry]), repairs)
            .ConfigureAwait(false);
        while (scan.Log.TryRead(out _, out _, out L2ScanEvent? found))
        {
            if (found is { Kind: L2ScanEventKind.Reference } reference)
                counter.RejectsAndReports(reference.Region);
            else if (found is not null)
                await HandleAsync(found.Value, entry, isActive).ConfigureAwait(false);
        }
    }

    private async ValueTask CountAsync(L2BatchScan scan, bool isActive)
    {
        foreach (L1Entry entry in scan.Batch.Entries)
        {
            CountTable(entry);
            if (isActive && !entry.IsCopied)
                IsAllCopied = false;
            if (!_hasRepaired)
            {
                await CountTableAsync(scan.Log, entry, isActive).ConfigureAwait(false);
                continue;
            }

            // Scanned before the repair, perhaps: entries may be shared, or tables lie over each other.
            scan.Log.SkipTable();
            using L2BatchScan fresh = await L2BatchScan.RunAsync(context, L1Batch.Of([entry]), repairs)
                .ConfigureAwait(false);
            await CountTableAsync(fresh.Log, entry, isActive).ConfigureAwait(false);
        }

        if (!isActive)
            return;
        if (scan.Log.HasUncopied)
            IsAllCopied = false;
        Tally(scan.Log.Tally);
    }

    private async ValueTask CountTableAsync(L2ScanLog log, L1Entry entry, bool isActive)
    {
        while (log.TryRead(out HostCluster first, out int count, out L2ScanEvent? found))
        {
            if (found is null)
                counter.CountRun(first, count);
            else
                await HandleAsync(found.Value, entry, isActive).ConfigureAwait(false);
        }
    }

    private void Tally(L2Tally tally)
    {
        context.Tally.AllocatedClusters += tally.Allocated;
        context.Tally.FragmentedClusters += tally.Fragmented;
        context.Tally.CompressedClusters += tally.Compressed;
    }

    private void CountTable(L1Entry entry)
    {
        ReportReserved(entry);
        counter.Count(entry.TableOffset, context.ClusterSize);
        ReportUnaligned(entry);
    }

    private void ReportReserved(L1Entry entry)
    {
        if ((entry.Raw & L1Entry.ReservedMask) != 0)
        {
            context.Corrupt(
                CheckFindingId.L1EntryReservedBits, $"ERROR found L1 entry with reserved bits set: {entry.Raw:x}");
        }
    }

    private void ReportUnaligned(L1Entry entry)
    {
        if (!context.Geometry.IsClusterAligned(entry.TableOffset.Value))
        {
            context.Corrupt(
                CheckFindingId.L2TableUnaligned,
                $"ERROR l2_offset={entry.TableOffset.Value:x}: Table is not cluster aligned; L1 entry corrupted");
        }
    }

    private async ValueTask HandleAsync(L2ScanEvent found, L1Entry entry, bool isActive)
    {
        switch (found.Kind)
        {
            case L2ScanEventKind.Corruption:
                context.Corrupt(found.Finding.Id, found.Finding.Text);
                break;
            case L2ScanEventKind.Reference:
                counter.Count(found.Region.Offset, found.Region.LengthBytes);
                break;
            case L2ScanEventKind.MisplacedZeroCluster:
                await ReplaceByZeroAsync(found, entry.TableOffset, isActive).ConfigureAwait(false);
                break;
            default:
                context.Fail(CheckFindingId.InputOutput, "ERROR: I/O error in check_refcounts_l2");
                throw found.Error!;
        }
    }

    /// <summary>
    /// Makes a preallocated zero cluster with an impossible place a plain one: it reads the same, and owns nothing.
    /// </summary>
    private async ValueTask ReplaceByZeroAsync(L2ScanEvent found, HostOffset table, bool isActive)
    {
        int entryBytes = context.Geometry.L2EntryBytes;
        HostOffset place = table + ((long)found.EntryIndex * entryBytes);
        byte[] bytes = new byte[entryBytes];
        await context.ReadAsync(place, bytes).ConfigureAwait(false);
        ulong word = BinaryPrimitives.ReadUInt64BigEndian(bytes);

        // Another L1 entry may lead to the same table: then it has been repaired since it was scanned.
        if (context.Geometry.IsClusterAligned((long)(word & L2Entry.OffsetMask)))
            return;

        context.Corrupt(found.Finding.Id, found.Finding.Text);
        if (entryBytes > Geometry.TableEntryBytes)
        {
            ulong bitmap = BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(8));
            BinaryPrimitives.WriteUInt64BigEndian(bytes, 0);
            bitmap = (bitmap | (bitmap << 32)) & SubclusterBitmap.AllZero;
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), bitmap);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, L2Entry.ZeroFlag);
        }

        try
        {
            OverlapKinds meant = isActive ? OverlapKinds.ActiveL2 : OverlapKinds.None;
            await guard.CheckAsync(new TableExtent(place, entryBytes), meant).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            context.Fail(CheckFindingId.RepairOverlap, "ERROR: Overlap check failed");
            throw;
        }

        try
        {
            await context.WriteAsync(place, bytes).ConfigureAwait(false);
            _hasRepaired = true;
            context.Tally.Corruptions--;
            context.Tally.CorruptionsFixed++;
        }
        catch (BlockException error)
        {
            context.Fail(
                CheckFindingId.InputOutput,
                $"ERROR: Failed to overwrite L2 table entry: {Errno.Describe(error.Errno)}");
            counter.Count(new HostOffset((long)(word & L2Entry.OffsetMask)), context.ClusterSize);
        }
    }
}
