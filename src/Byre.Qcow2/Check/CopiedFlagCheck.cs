using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Checks that the copied flag of every entry of the active tables is set exactly where the reference count is one,
/// and corrects the flags. Runs last: the census holds the counts of the file by then. Tables are looked at on
/// several threads; only those with something to say are looked at again in order.
/// </summary>
internal sealed class CopiedFlagCheck(
    CheckContext context, RefcountStructure structure, RefcountCensus counts, RepairGuard guard)
{
    private const int BatchBytes = 1 << 19;

    private readonly bool _hasDataFile = context.Header.HasDataFile;
    private readonly int _entryBytes = context.Geometry.L2EntryBytes;
    private readonly byte[] _table = new byte[context.ClusterSize];

    // The flag follows the counts: it may only be corrected where they are known to be right.
    private readonly bool _repairs = context.Repair switch
    {
        RepairMode.All => true,
        RepairMode.Leaks => context.Tally.IsClean,
        _ => false,
    };

    // Tables with nothing wrong in them: where further entries lead to them they need not be read again.
    private readonly HashSet<HostOffset> _right = [];

    private string Verb => _repairs ? "Repairing" : "ERROR";

    /// <summary>Checks the L1 table <paramref name="activeL1"/>, which is corrected as the file is.</summary>
    /// <exception cref="BlockException">A table cannot be read or written; that has been reported.</exception>
    public async ValueTask RunAsync(byte[] activeL1)
    {
        await OrderedPipeline.RunAsync(
            L1Batch.Split(activeL1, BatchBytes >> context.Geometry.ClusterBits, IsKnownRight),
            context.Parallelism,
            LookAsync,
            look => HandleAsync(look, activeL1)).ConfigureAwait(false);
        if (_repairs)
            await context.BarrierAsync().ConfigureAwait(false);
    }

    private async ValueTask<Look> LookAsync(L1Batch batch)
    {
        using L2TableBatch tables = await L2TableBatch.ReadAsync(context, batch.TableOffsets).ConfigureAwait(false);
        bool[] isSuspect = new bool[batch.Entries.Count];
        for (int i = 0; i < isSuspect.Length; i++)
        {
            L1Entry entry = batch.Entries[i];
            isSuspect[i] = entry.IsAllocated
                && (tables.ErrorOf(i) is not null
                    || IsSuspect(context.Geometry.ClusterOf(entry.TableOffset), entry.IsCopied)
                    || HasSuspect(tables.TableOf(i)));
        }

        return new Look(batch, isSuspect);
    }

    private async ValueTask HandleAsync(Look look, byte[] activeL1)
    {
        for (int i = 0; i < look.IsSuspect.Length; i++)
        {
            L1Entry entry = look.Batch.Entries[i];
            if (look.IsSuspect[i])
                await ExamineAsync(entry, look.Batch.Indexes[i], activeL1).ConfigureAwait(false);
            else
                _right.Add(entry.TableOffset);
        }
    }

    private bool IsKnownRight(L1Entry entry) =>
        _right.Contains(entry.TableOffset)
            && !IsSuspect(context.Geometry.ClusterOf(entry.TableOffset), entry.IsCopied);

    private bool HasSuspect(ReadOnlySpan<byte> table)
    {
        for (int at = 0; at < table.Length; at += _entryBytes)
        {
            ulong word = BinaryPrimitives.ReadUInt64BigEndian(table[at..]);
            bool isCopied = (word & L2Entry.CopiedFlag) != 0;
            if (word != 0 && OwnsCluster(word) && IsSuspect(ClusterOf(word), isCopied, isData: true))
                return true;
        }

        return false;
    }

    private bool IsSuspect(HostCluster cluster, bool isCopied, bool isData = false)
    {
        if (isData && _hasDataFile)
            return !isCopied;
        if (cluster.Index >= counts.ClusterCount || structure.IsUnreadable(cluster))
            return true;
        return (counts[cluster.Index] == 1) != isCopied;
    }

    private async ValueTask ExamineAsync(L1Entry entry, int l1Index, byte[] activeL1)
    {
        ulong? refcount = await RefcountOfAsync(context.Geometry.ClusterOf(entry.TableOffset)).ConfigureAwait(false);
        if (refcount is null)
            return;
        if ((refcount == 1) != entry.IsCopied)
        {
            context.Corrupt(
                CheckFindingId.L1CopiedFlag,
                $"{Verb} OFLAG_COPIED L2 cluster: l1_index={l1Index} l1_entry={entry.Raw:x} refcount={refcount}");
            if (_repairs)
                await CorrectL1Async(entry, l1Index, activeL1).ConfigureAwait(false);
        }

        byte[] table = _table;
        try
        {
            await context.ReadAsync(entry.TableOffset, table).ConfigureAwait(false);
        }
        catch (BlockException error)
        {
            context.Fail(CheckFindingId.InputOutput, $"ERROR: Could not read L2 table: {Errno.Describe(error.Errno)}");
            throw;
        }

        int corrected = await ExamineTableAsync(table).ConfigureAwait(false);
        if (corrected == 0)
            return;
        await WriteTableAsync(entry.TableOffset, table).ConfigureAwait(false);
        context.Tally.Corruptions -= corrected;
        context.Tally.CorruptionsFixed += corrected;
    }

    /// <summary>
    /// Reports the wrong flags of a table and corrects them in memory; returns how many it corrected.
    /// </summary>
    private async ValueTask<int> ExamineTableAsync(byte[] table)
    {
        int corrected = 0;
        for (int at = NextUsed(table, 0); at < table.Length; at = NextUsed(table, at + _entryBytes))
        {
            ulong word = BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(at));
            if (word == 0 || !OwnsCluster(word))
                continue;
            ulong? refcount = _hasDataFile ? 1 : await RefcountOfAsync(ClusterOf(word)).ConfigureAwait(false);
            if (refcount is null || (refcount == 1) == ((word & L2Entry.CopiedFlag) != 0))
                continue;
            context.Corrupt(
                CheckFindingId.L2CopiedFlag,
                $"{Verb} OFLAG_COPIED data cluster: l2_entry={word:x} refcount={refcount}");
            if (!_repairs)
                continue;
            BinaryPrimitives.WriteUInt64BigEndian(table.AsSpan(at), word ^ L2Entry.CopiedFlag);
            corrected++;
        }

        return corrected;
    }

    /// <summary>The next entry that is not all zeroes; the table's length where there is none.</summary>
    private int NextUsed(byte[] table, int from)
    {
        int distance = table.AsSpan(from).IndexOfAnyExcept((byte)0);
        return distance < 0 ? table.Length : (from + distance) & -_entryBytes;
    }

    private async ValueTask CorrectL1Async(L1Entry entry, int l1Index, byte[] activeL1)
    {
        int at = l1Index * Geometry.TableEntryBytes;
        Memory<byte> bytes = activeL1.AsMemory(at, Geometry.TableEntryBytes);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.Span, entry.Raw ^ L1Entry.Copied);
        HostOffset place = context.Header.L1.Offset + at;
        try
        {
            await guard.CheckAsync(new TableExtent(place, bytes.Length), OverlapKinds.ActiveL1).ConfigureAwait(false);
            await context.WriteAsync(place, bytes).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            context.Tally.CheckErrors++;
            throw;
        }

        context.Tally.Corruptions--;
        context.Tally.CorruptionsFixed++;
    }

    private async ValueTask WriteTableAsync(HostOffset place, byte[] table)
    {
        string doing = "ERROR: Could not write L2 table; metadata overlap check failed";
        try
        {
            await guard.CheckAsync(new TableExtent(place, table.Length), OverlapKinds.ActiveL2).ConfigureAwait(false);
            doing = "ERROR: Could not write L2 table";
            await context.WriteAsync(place, table).ConfigureAwait(false);
        }
        catch (BlockException error)
        {
            context.Fail(CheckFindingId.InputOutput, $"{doing}: {Errno.Describe(error.Errno)}");
            throw;
        }
    }

    private async ValueTask<ulong?> RefcountOfAsync(HostCluster cluster)
    {
        if (cluster.Index >= counts.ClusterCount)
            return await structure.GetAsync(cluster).ConfigureAwait(false);
        return structure.IsUnreadable(cluster) ? null : counts[cluster.Index];
    }

    private HostCluster ClusterOf(ulong word) =>
        context.Geometry.ClusterOf(new HostOffset((long)(word & L2Entry.OffsetMask)));

    /// <summary>True for data clusters and preallocated zero clusters, by the word alone.</summary>
    private bool OwnsCluster(ulong word)
    {
        if ((word & L2Entry.CompressedFlag) != 0)
            return false;
        if ((word & L2Entry.OffsetMask) != 0)
            return true;
        bool isZero = (word & L2Entry.ZeroFlag) != 0 && !context.Geometry.HasSubclusters;
        return !isZero && _hasDataFile && (word & L2Entry.CopiedFlag) != 0;
    }

    private sealed record Look(L1Batch Batch, bool[] IsSuspect) : IDisposable
    {
        public void Dispose()
        {
        }
    }
}
