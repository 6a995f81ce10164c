using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Reads the snapshot table as leniently as the repair mode allows: records that are too many or too long are dropped
/// where everything may be repaired, and end the check otherwise. What was dropped from records is written back by
/// <see cref="SnapshotTableRepair"/>, after the reference counts are right. Belongs to one thread.
/// </summary>
internal sealed class SnapshotTableCheck(CheckContext context)
{
    private const int ExtraBytesOffset = 36;

    // Of the extra data, version 3 demands the vm state's size and the disk's.
    private const int DemandedExtraBytes = 16;

    private readonly List<SnapshotRecord> _records = [];
    private long _dropped;

    /// <summary>Findings that are not repaired yet.</summary>
    public long Corruptions { get; private set; }

    public long CorruptionsFixed { get; private set; }

    /// <summary>Reads and checks the table, and leaves it in the context.</summary>
    /// <exception cref="BlockException">The table cannot be used; that has been reported.</exception>
    public async ValueTask RunAsync()
    {
        int count = CheckLocation();
        HostOffset start = context.Header.Snapshots.Offset;
        try
        {
            long end = count == 0 ? start.Value : await ReadAllAsync(start, count).ConfigureAwait(false);
            context.SnapshotTable = new TableExtent(start, end - start.Value);
            context.Snapshots = _records;
        }
        catch (BlockException error)
        {
            context.Tally.CheckErrors++;
            ReportUnusable($"ERROR failed to read the snapshot table: {error.Message}", error.Hint);
            throw;
        }

        if (_dropped > 0)
            await WriteCountAsync().ConfigureAwait(false);
        if (context.Header.Version >= 3)
            ReportIncomplete();
    }

    /// <summary>Moves the findings that were repaired by writing the table anew.</summary>
    public void MarkFixed()
    {
        CorruptionsFixed += Corruptions;
        Corruptions = 0;
    }

    private int CheckLocation()
    {
        SnapshotTableLocation location = context.Header.Snapshots;
        long count = location.Count;
        if (count > FormatLimits.MaxSnapshots && context.RepairsErrors)
        {
            _dropped = count - FormatLimits.MaxSnapshots;
            count = FormatLimits.MaxSnapshots;
            context.Say(CheckFindingId.SnapshotsOverhanging, $"Discarding {_dropped} overhanging snapshots");
        }

        try
        {
            const int MaxBytes = SnapshotRecord.FixedBytes * FormatLimits.MaxSnapshots;
            var shape = new TableShape("snapshot table", SnapshotRecord.FixedBytes, MaxBytes);
            FormatLimits.CheckTable((ulong)location.Offset.Value, (ulong)count, shape, context.Geometry.ClusterBits);
        }
        catch (BlockException error)
        {
            context.Tally.CheckErrors++;
            long surplus = count - FormatLimits.MaxSnapshots;
            ReportUnusable($"ERROR {error.Message}", surplus > 0 ? ForceRemoveHint(surplus) : null);
            throw;
        }

        return (int)count;
    }

    /// <summary>Reads the records and returns where the last one that counts ends.</summary>
    private async ValueTask<long> ReadAllAsync(HostOffset start, int count)
    {
        long position = start.Value;
        long storedBytes = 0;
        byte[] fixedPart = new byte[SnapshotRecord.FixedBytes];
        SnapshotRecord? empty = null;
        for (int i = 0; i < count; i++)
        {
            long before = position;
            position = SnapshotCodec.Align(position);
            await context.ReadAsync(new HostOffset(position), fixedPart).ConfigureAwait(false);
            uint extraBytes = SnapshotCodec.ReadExtraBytes(fixedPart);
            long length = SnapshotCodec.ReadLength(fixedPart);
            if (extraBytes > FormatLimits.MaxSnapshotExtraBytes)
                DropExtra(i, extraBytes);

            // Where the table lies behind the end of the file its records are empty: they cost next to nothing.
            bool isEmpty = !fixedPart.AsSpan().ContainsAnyExcept((byte)0);
            byte[] entry = isEmpty && empty is not null
                ? fixedPart
                : await ReadRecordAsync(new HostOffset(position), fixedPart).ConfigureAwait(false);
            position += length;
            storedBytes = SnapshotCodec.Align(storedBytes) + entry.Length;
            if (storedBytes > FormatLimits.MaxSnapshotTableBytes || position - start.Value > int.MaxValue)
            {
                DropRest(count - i);
                return before;
            }

            SnapshotRecord record = isEmpty && empty is not null
                ? empty
                : SnapshotCodec.Parse(entry, context.Header.VirtualSizeBytes);
            if (isEmpty)
                empty = record;
            _records.Add(record);
        }

        return position;
    }

    /// <summary>Reads a whole record, without the extra data that is too much.</summary>
    private async ValueTask<byte[]> ReadRecordAsync(HostOffset place, byte[] fixedPart)
    {
        uint extraBytes = SnapshotCodec.ReadExtraBytes(fixedPart);
        int keptExtra = (int)Math.Min(extraBytes, FormatLimits.MaxSnapshotExtraBytes);
        int namesBytes = (int)(SnapshotCodec.ReadLength(fixedPart) - SnapshotRecord.FixedBytes - extraBytes);
        byte[] entry = new byte[SnapshotRecord.FixedBytes + keptExtra + namesBytes];
        fixedPart.CopyTo(entry, 0);
        BinaryPrimitives.WriteInt32BigEndian(entry.AsSpan(ExtraBytesOffset), keptExtra);
        HostOffset extra = place + SnapshotRecord.FixedBytes;
        await context.ReadAsync(extra, entry.AsMemory(SnapshotRecord.FixedBytes, keptExtra)).ConfigureAwait(false);
        Memory<byte> names = entry.AsMemory(SnapshotRecord.FixedBytes + keptExtra);
        await context.ReadAsync(extra + extraBytes, names).ConfigureAwait(false);
        return entry;
    }

    private void DropExtra(int index, uint extraBytes)
    {
        if (!context.RepairsErrors)
        {
            string message = $"Too much extra metadata in snapshot table entry {index}";
            throw new BlockException(BlockErrorKind.CorruptImage, Errno.FileTooLarge, message)
            {
                Hint = "You can force-remove this extra metadata with qemu-img check -r all\n",
            };
        }

        Corruptions++;
        context.Say(
            CheckFindingId.SnapshotExtraDataTooLarge,
            $"Discarding too much extra metadata in snapshot table entry {index} "
            + $"({extraBytes} > {FormatLimits.MaxSnapshotExtraBytes})");
    }

    private void DropRest(int count)
    {
        if (!context.RepairsErrors)
        {
            throw new BlockException(BlockErrorKind.CorruptImage, Errno.FileTooLarge, "Snapshot table is too big")
            {
                Hint = ForceRemoveHint(count) + "\n",
            };
        }

        _dropped += count;
        context.Say(
            CheckFindingId.SnapshotsOverhanging,
            $"Discarding {count} overhanging snapshots (snapshot table is too big)");
    }

    /// <summary>
    /// Writes the smaller number of snapshots at once: the counts that follow must agree with it. The dropped
    /// snapshots' clusters become leaks, which is safe.
    /// </summary>
    private async ValueTask WriteCountAsync()
    {
        try
        {
            await HeaderPatch.SetSnapshotCountAsync(context, _records.Count).ConfigureAwait(false);
        }
        catch (BlockException error)
        {
            context.Fail(
                CheckFindingId.InputOutput,
                $"ERROR failed to update the snapshot count in the image header: {Errno.Describe(error.Errno)}");
            throw;
        }

        CorruptionsFixed += _dropped;
    }

    private void ReportIncomplete()
    {
        string verb = context.RepairsErrors ? "Repairing" : "ERROR";
        for (int i = 0; i < _records.Count; i++)
        {
            if (_records[i].ExtraBytes >= DemandedExtraBytes)
                continue;
            Corruptions++;
            context.Say(CheckFindingId.SnapshotRecordIncomplete, $"{verb} snapshot table entry {i} is incomplete");
        }
    }

    private static string ForceRemoveHint(long count) =>
        $"You can force-remove all {count} overhanging snapshots with qemu-img check -r all";

    private void ReportUnusable(string text, string? hint)
    {
        context.SayAsProgram(CheckFindingId.SnapshotTableUnreadable, text);
        if (hint is not null)
            context.Say(CheckFindingId.Hint, hint.TrimEnd('\n'));
    }
}
