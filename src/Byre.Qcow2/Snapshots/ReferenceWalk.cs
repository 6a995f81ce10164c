using System.Buffers.Binary;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Snapshots;

/// <summary>
/// Walks everything an L1 table refers to: its L2 tables and their clusters. Adds a reference to each, or takes one
/// away; and brings the copied flags of the active tables in line with the counts. The caller holds a lease on the
/// whole disk and has flushed everything, so that the tables in the file are the tables in memory.
/// </summary>
internal sealed class ReferenceWalk(Qcow2Node node)
{
    private readonly ImageTables _tables = node.Tables;
    private readonly Geometry _geometry = node.Tables.Geometry;

    /// <summary>Adds one reference to everything; all or nothing.</summary>
    /// <exception cref="BlockException">EINVAL: a count is at its maximum.</exception>
    public async ValueTask AddAsync(ulong[] l1, CancellationToken cancellation)
    {
        var added = new List<(HostCluster First, long Count)>();
        try
        {
            await foreach ((HostOffset start, long bytes) in EnumerateAsync(l1, cancellation).ConfigureAwait(false))
            {
                HostCluster first = _geometry.ClusterOf(start);
                long count = _geometry.ClusterOf(start + (bytes - 1)).Index - first.Index + 1;
                await ChangeAsync(first, count, +1, added, cancellation).ConfigureAwait(false);
            }
        }
        catch (BlockException)
        {
            foreach ((HostCluster first, long count) in added)
                await ChangeAsync(first, count, -1, null, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Takes one reference from everything: through the quarantine, so that counts fall once the caller's unlinking
    /// is stable.
    /// </summary>
    public async ValueTask FreeAsync(ulong[] l1, DiscardReason reason, CancellationToken cancellation)
    {
        var gone = new List<(HostOffset Start, long Bytes)>();
        await foreach ((HostOffset start, long bytes) in EnumerateAsync(l1, cancellation).ConfigureAwait(false))
            gone.Add((start, bytes));
        using MetadataScope scope = _tables.Lock.Enter();
        foreach ((HostOffset start, long bytes) in gone)
            _tables.Quarantine.Free(scope, start, bytes, reason);
    }

    /// <summary>Clears every copied flag of the active tables: everything is about to be shared.</summary>
    public ValueTask ClearCopiedFlagsAsync(CancellationToken cancellation) => SetFlagsAsync(clear: true, cancellation);

    /// <summary>Sets the copied flags of the active tables to what the counts say.</summary>
    public ValueTask UpdateCopiedFlagsAsync(CancellationToken cancellation) =>
        SetFlagsAsync(clear: false, cancellation);

    /// <summary>Reads an L1 table from the file, as far as the file goes: what lies behind is empty entries.</summary>
    public async ValueTask<ulong[]> ReadL1Async(HostOffset offset, int entryCount, CancellationToken cancellation)
    {
        long there = Math.Clamp(
            _tables.File.LengthBytes - offset.Value, 0, (long)entryCount * Geometry.TableEntryBytes);
        byte[] bytes = new byte[(there + Geometry.TableEntryBytes - 1) & -Geometry.TableEntryBytes];
        await _tables.File.ReadAsync(offset.Value, bytes, cancellation).ConfigureAwait(false);
        return TableCodec.Decode(bytes);
    }

    private async IAsyncEnumerable<(HostOffset Start, long Bytes)> EnumerateAsync(
        ulong[] l1, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        IoBuffer table = IoBufferPool.Shared.Rent(_geometry.ClusterSize);
        try
        {
            foreach (ulong raw in l1)
            {
                var entry = new L1Entry(raw);
                if (!entry.IsAllocated)
                    continue;
                if (!_geometry.IsClusterAligned(entry.TableOffset.Value))
                    throw new CorruptionException(
                        $"L2 table offset 0x{entry.TableOffset.Value:x} unaligned (L1 index: 0)", isFatal: true);
                await _tables.File.ReadAsync(entry.TableOffset.Value, table.Memory, cancellation).ConfigureAwait(false);
                for (int index = 0; index < _geometry.L2EntryCount; index++)
                {
                    if (TryDescribe(table.Span, index, entry.TableOffset, out HostOffset start, out long bytes))
                        yield return (start, bytes);
                }

                yield return (entry.TableOffset, _geometry.ClusterSize);
            }
        }
        finally
        {
            table.Return();
        }
    }

    private bool TryDescribe(
        ReadOnlySpan<byte> table, int index, HostOffset tableOffset, out HostOffset start, out long bytes)
    {
        L2Entry entry = L2Entry.Standard(
            BinaryPrimitives.ReadUInt64BigEndian(table[(index << _geometry.L2EntryBits)..]));
        start = entry.Offset;
        bytes = _geometry.ClusterSize;
        switch (entry.Classify(_geometry.HasSubclusters, _tables.HasDataFile))
        {
            case ClusterType.Compressed:
                CompressedDescriptor descriptor = CompressedDescriptor.Decode(entry.Word, _geometry);
                start = descriptor.Offset;
                bytes = descriptor.LengthBytes;
                return true;
            case ClusterType.Normal or ClusterType.ZeroAllocated:
                if (!_geometry.IsClusterAligned(start.Value))
                {
                    throw new CorruptionException(
                        $"Cluster allocation offset 0x{start.Value:x} unaligned (L2 offset: 0x{tableOffset.Value:x}, " +
                        $"L2 index: {MetadataText.Hex(index)})",
                        isFatal: true);
                }

                return !_tables.HasDataFile;
            default:
                return false;
        }
    }

    private async ValueTask ChangeAsync(
        HostCluster first,
        long count,
        int delta,
        List<(HostCluster First, long Count)>? journal,
        CancellationToken cancellation)
    {
        using var pins = new PinSet(_tables);
        while (true)
        {
            MetadataMiss miss;
            using (MetadataScope scope = _tables.Lock.Enter())
            {
                if (_tables.Refcounts.TryPrepare(scope, first, count, out miss))
                {
                    for (long i = 0; i < count; i++)
                    {
                        ulong now = _tables.Refcounts.Add(scope, first + i, delta);
                        if (now == 0)
                            _tables.Allocator.NoteFree(scope, first + i);
                        Note(journal, first + i);
                    }

                    return;
                }
            }

            await node.Loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }
    }

    private static void Note(List<(HostCluster First, long Count)>? journal, HostCluster cluster)
    {
        if (journal is null)
            return;
        if (journal.Count > 0 && journal[^1].First.Index + journal[^1].Count == cluster.Index)
            journal[^1] = (journal[^1].First, journal[^1].Count + 1);
        else
            journal.Add((cluster, 1));
    }

    private async ValueTask SetFlagsAsync(bool clear, CancellationToken cancellation)
    {
        for (int l1Index = 0; l1Index < _tables.L1.EntryCount; l1Index++)
        {
            L1Entry entry = _tables.L1[l1Index];
            if (!entry.IsAllocated)
                continue;
            for (int l2Index = 0; l2Index < _geometry.L2EntryCount; l2Index += _tables.Map.EntriesPerSlice)
            {
                var guest = new GuestOffset(
                    ((long)l1Index << _geometry.L1Shift) + ((long)l2Index << _geometry.ClusterBits));
                await SetSliceFlagsAsync(guest, clear, cancellation).ConfigureAwait(false);
            }

            ulong count = clear ? 0 : await CountAsync(entry.TableOffset, cancellation).ConfigureAwait(false);
            using MetadataScope scope = _tables.Lock.Enter();
            _tables.L1.Set(scope, l1Index, L1Entry.ForTable(entry.TableOffset, copied: count == 1));
        }
    }

    private async ValueTask SetSliceFlagsAsync(GuestOffset guest, bool clear, CancellationToken cancellation)
    {
        using var pins = new PinSet(_tables);
        int done = 0;
        while (true)
        {
            MetadataMiss miss;
            using (MetadataScope scope = _tables.Lock.Enter())
            {
                if (_tables.Map.TryFindSlot(scope, guest, out L2Slot slot, out miss) &&
                    TrySetFlags(scope, slot, clear, ref done, out miss))
                    return;
            }

            await node.Loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }
    }

    private bool TrySetFlags(in MetadataScope scope, L2Slot first, bool clear, ref int done, out MetadataMiss miss)
    {
        miss = MetadataMiss.None;
        for (; done < _tables.Map.EntriesPerSlice; done++)
        {
            L2Slot slot = first.At(done - first.Position);
            L2Entry entry = _tables.Map.Read(scope, slot);
            ClusterType type = _tables.Map.Classify(entry);
            ulong word = entry.Word & ~L2Entry.CopiedFlag;
            if (_tables.HasDataFile)
            {
                // The data file is not counted: its clusters are this image's own, always.
                word = entry.Word;
            }
            else if (!clear && type is ClusterType.Normal or ClusterType.ZeroAllocated)
            {
                if (!_tables.Refcounts.TryGet(scope, _geometry.ClusterOf(entry.Offset), out ulong count, out miss))
                    return false;
                if (count == 1)
                    word |= L2Entry.CopiedFlag;
            }

            if (word != entry.Word)
                _tables.Map.Write(scope, slot, entry with { Word = word });
        }

        return true;
    }

    private async ValueTask<ulong> CountAsync(HostOffset cluster, CancellationToken cancellation)
    {
        using var pins = new PinSet(_tables);
        while (true)
        {
            MetadataMiss miss;
            using (MetadataScope scope = _tables.Lock.Enter())
            {
                if (_tables.Refcounts.TryGet(scope, _geometry.ClusterOf(cluster), out ulong count, out miss))
                    return count;
            }

            await node.Loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }
    }
}
