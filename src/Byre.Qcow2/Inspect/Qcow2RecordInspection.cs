using System.Runtime.InteropServices;
using Byre.Block.Errors;
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
        ulong bytes = (ulong)bitmaps.DirectoryBytes;
        if (bytes > 0 && !addTable(offset, bytes, StructureKind.BitmapDirectory))
            return;
        if (bitmaps.DirectoryBytes > InspectionLimits.MaxBitmapDirectoryBytes)
        {
            context.LeaveOut($"The bitmap directory of {bitmaps.DirectoryBytes} bytes was not examined");
            return;
        }

        byte[] directory = new byte[bitmaps.DirectoryBytes];
        int there = await context.Reader.ReadAsync((long)offset, directory).ConfigureAwait(false);
        if (there < directory.Length)
            context.LeaveOut("A part of the bitmap directory was not examined");
        else
            ExamineBitmaps(directory);
    }

    private void ExamineBitmaps(byte[] directory)
    {
        IReadOnlyList<BitmapDirectoryEntry> entries;
        try
        {
            entries = BitmapDirectoryCodec.Parse(directory, header);
        }
        catch (BlockException refusal)
        {
            _findings.Danger(
                InspectionFindingIds.EntryInvalid,
                "The bitmap directory is not sound: " + FindingList.Escape(refusal.Message));
            return;
        }

        foreach (BitmapDirectoryEntry entry in entries)
        {
            if (!context.Reader.TryExamine())
            {
                context.LeaveOut("Not all bitmaps were examined");
                return;
            }

            addTable(
                (ulong)entry.TableOffset.Value,
                (ulong)entry.TableEntryCount * Geometry.TableEntryBytes,
                StructureKind.BitmapTable);
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

    private void EndsEarly(long end, string what)
    {
        if (end <= context.FileBytes && context.Reader.IsExhausted)
            context.LeaveOut($"A part of the {what} was not examined");
        else
            _findings.Danger(InspectionFindingIds.TableOutOfFile, $"The {what} does not lie where the header says");
    }
}
