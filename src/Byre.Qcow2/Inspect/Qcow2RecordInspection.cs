using System.Runtime.InteropServices;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Inspect;

/// <summary>Inspects the tables of a qcow2 image that are made of records: snapshots, bitmaps. Not
/// thread-safe.</summary>
internal sealed class Qcow2RecordInspection(
    InspectionContext context, ImageHeader header, Func<ulong, ulong, StructureKind, bool> addTable)
{
    private readonly FindingList _findings = context.Findings;
    private readonly byte[] _fixedPart = new byte[SnapshotRecord.FixedBytes];

    public async ValueTask InspectSnapshotsAsync()
    {
        long count = header.Snapshots.Count;
        if (count == 0)
            return;
        _findings.Info(
            InspectionFindingIds.Snapshots, $"The image has {count} internal snapshots, with what they hold");
        long start = header.Snapshots.Offset.Value;
        long position = start;
        for (long i = 0; i < count; i++)
        {
            if (i == InspectionLimits.MaxRecords || !context.Reader.TryExamine())
            {
                context.LeaveOut($"{count - i} of {count} snapshots were not examined");
                break;
            }

            position = SnapshotCodec.Align(position);
            if (await context.Reader.ReadAsync(position, _fixedPart).ConfigureAwait(false) < _fixedPart.Length)
            {
                EndsEarly(position + _fixedPart.Length, "snapshot table");
                return;
            }

            position += SnapshotCodec.ReadLength(_fixedPart);
            ExamineSnapshot(i);
            if (position - start > FormatLimits.MaxSnapshotTableBytes)
            {
                _findings.Danger(InspectionFindingIds.EntryInvalid, "The snapshot table is too large");
                return;
            }
        }

        addTable((ulong)start, (ulong)(position - start), StructureKind.SnapshotTable);
    }

    public async ValueTask InspectBitmapsAsync()
    {
        if (header.Bitmaps is not { } bitmaps)
            return;
        _findings.Info(InspectionFindingIds.Bitmaps, $"The image has {bitmaps.Count} persistent bitmaps");
        ulong offset = (ulong)bitmaps.DirectoryOffset.Value;
        if (!addTable(offset, (ulong)bitmaps.DirectoryBytes, StructureKind.BitmapDirectory))
            return;
        long position = bitmaps.DirectoryOffset.Value;
        long end = position + bitmaps.DirectoryBytes;
        for (int i = 0; i < bitmaps.Count; i++)
        {
            if (i == InspectionLimits.MaxRecords || !context.Reader.TryExamine())
            {
                context.LeaveOut($"{bitmaps.Count - i} of {bitmaps.Count} bitmaps were not examined");
                return;
            }

            Memory<byte> entry = _fixedPart.AsMemory(0, BitmapDirectoryEntry.FixedBytes);
            int there = await context.Reader.ReadAsync(position, entry).ConfigureAwait(false);
            if (there < entry.Length || position + entry.Length > end)
            {
                EndsEarly(position + entry.Length, "bitmap directory");
                return;
            }

            position += ExamineBitmap(entry.Span);
        }
    }

    private void ExamineSnapshot(long index)
    {
        RawSnapshotRecord raw = MemoryMarshal.Read<RawSnapshotRecord>(_fixedPart);
        if (raw.ExtraBytes.Value > FormatLimits.MaxSnapshotExtraBytes)
            _findings.Danger(InspectionFindingIds.EntryInvalid, $"Snapshot {index} has too much extra data");
        ulong offset = raw.L1Offset.Value;
        ulong bytes = (ulong)raw.L1EntryCount.Value * Geometry.TableEntryBytes;
        if (bytes > FormatLimits.MaxL1Bytes || (offset & (ulong)(header.ClusterSizeBytes - 1)) != 0)
            _findings.Danger(InspectionFindingIds.EntryInvalid, $"The L1 table of snapshot {index} is malformed");
        else
            addTable(offset, bytes, StructureKind.SnapshotL1Table);
    }

    /// <summary>Returns the entry's length.</summary>
    private long ExamineBitmap(ReadOnlySpan<byte> entry)
    {
        RawBitmapDirectoryEntry raw = MemoryMarshal.Read<RawBitmapDirectoryEntry>(entry);
        ulong offset = raw.TableOffset.Value;
        uint entries = raw.TableEntryCount.Value;
        if (raw.ExtraBytes.Value != 0 || entries > FormatLimits.MaxBitmapTableEntries
            || raw.NameBytes.Value > FormatLimits.MaxBitmapNameBytes
            || (offset & (ulong)(header.ClusterSizeBytes - 1)) != 0)
        {
            _findings.Danger(InspectionFindingIds.EntryInvalid, "An entry of the bitmap directory is malformed");
        }
        else
        {
            addTable(offset, (ulong)entries * Geometry.TableEntryBytes, StructureKind.BitmapTable);
        }

        const int AlignmentBytes = 8;
        long length = BitmapDirectoryEntry.FixedBytes + (long)raw.ExtraBytes.Value + raw.NameBytes.Value;
        return (length + AlignmentBytes - 1) & -AlignmentBytes;
    }

    private void EndsEarly(long end, string what)
    {
        if (end <= context.FileBytes && context.Reader.IsExhausted)
            context.LeaveOut($"A part of the {what} was not examined");
        else
            _findings.Danger(InspectionFindingIds.TableOutOfFile, $"The {what} does not lie where the header says");
    }
}
