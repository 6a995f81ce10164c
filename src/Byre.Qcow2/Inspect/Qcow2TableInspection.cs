using System.Runtime.InteropServices;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Inspects the tables of a qcow2 image whose header is sound: whether they lie in the file and apart from each
/// other, and whether the guest's clusters do. Examines as much as the budget allows. One use; not thread-safe.
/// </summary>
internal sealed class Qcow2TableInspection(InspectionContext context, ImageHeader header)
{
    private const int ChunkBytes = 64 << 10;

    /// <summary>
    /// The L1 table and the reference count table may use an eighth of the budget each: 2 MiB of the one map 128 TiB
    /// with 64 KiB clusters, 2 MiB of the other count 512 TiB.
    /// </summary>
    private const int TopTablePart = 8;

    private readonly FindingList _findings = context.Findings;
    private readonly BoundedReader _reader = context.Reader;
    private readonly StructureMap _map = new();
    private readonly byte[] _chunk = new byte[ChunkBytes];
    private readonly Qcow2ClusterInspection _clusters = new(context, header);
    private long[] _l2Tables = new long[64];
    private int _l2TableCount;

    public async ValueTask RunAsync()
    {
        ReportSizes();
        _map.Add(0, header.ClusterSizeBytes, StructureKind.Header);
        bool hasL1 = AddTable(
            (ulong)header.L1.Offset.Value,
            (ulong)header.L1.EntryCount * Geometry.TableEntryBytes,
            StructureKind.ActiveL1Table);
        bool hasRefcounts = AddTable(
            (ulong)header.RefcountTable.Offset.Value,
            (ulong)header.RefcountTable.ClusterCount << header.ClusterBits,
            StructureKind.RefcountTable);
        await InspectEncryptionAsync().ConfigureAwait(false);
        var records = new Qcow2RecordInspection(context, header, AddTable);
        await records.InspectSnapshotsAsync().ConfigureAwait(false);
        await records.InspectBitmapsAsync().ConfigureAwait(false);
        _reader.BeginPart(TopTablePart);
        if (hasL1)
            await InspectL1Async().ConfigureAwait(false);
        _reader.BeginPart(TopTablePart);
        if (hasRefcounts)
            await InspectRefcountTableAsync().ConfigureAwait(false);
        _map.Seal((first, second, offset) => _findings.Danger(
            InspectionFindingIds.Overlap,
            $"The {Describe(second)} at offset {offset} shares bytes with another structure: {Describe(first)}"));
        _reader.BeginPart(1);
        await InspectL2TablesAsync().ConfigureAwait(false);
    }

    /// <summary>"active L1 table".</summary>
    public static string Describe(StructureKind kind) => kind switch
    {
        StructureKind.Header => "header",
        StructureKind.ActiveL1Table => "active L1 table",
        StructureKind.L2Table => "L2 table",
        StructureKind.RefcountTable => "reference count table",
        StructureKind.RefcountBlock => "reference count block",
        StructureKind.SnapshotTable => "snapshot table",
        StructureKind.SnapshotL1Table => "snapshot's L1 table",
        StructureKind.BitmapDirectory => "bitmap directory",
        StructureKind.BitmapTable => "bitmap table",
        StructureKind.EncryptionHeader => "encryption header",
        _ => throw new InvariantException($"No such structure: {(int)kind}"),
    };

    private void ReportSizes()
    {
        long size = header.VirtualSizeBytes;
        if (size > InspectionLimits.LargeVirtualSizeBytes)
        {
            _findings.Warning(
                InspectionFindingIds.VirtualSize,
                $"The virtual disk of {size} bytes is larger than file systems allow, in a file of {context.FileBytes} "
                + "bytes");
        }
    }

    /// <summary>Adds a table to the map, or a finding where it does not lie in the file.</summary>
    private bool AddTable(ulong offset, ulong lengthBytes, StructureKind kind)
    {
        if (lengthBytes == 0)
            return false;
        if (!context.IsInFile(offset, lengthBytes))
        {
            _findings.Danger(
                InspectionFindingIds.TableOutOfFile,
                $"The {Describe(kind)} of {lengthBytes} bytes at offset {offset} does not lie in the file");
            return false;
        }

        _map.Add((long)offset, (long)lengthBytes, kind);
        return true;
    }

    private async ValueTask InspectEncryptionAsync()
    {
        if (header.CryptoHeader is not { } pointer)
            return;
        if (AddTable((ulong)pointer.Offset.Value, (ulong)pointer.LengthBytes, StructureKind.EncryptionHeader))
            await LuksInspection.RunAsync(context, pointer.Offset.Value).ConfigureAwait(false);
    }

    private async ValueTask InspectL1Async()
    {
        long bytes = (long)header.L1.EntryCount * Geometry.TableEntryBytes;
        for (long done = 0; done < bytes; done += ChunkBytes)
        {
            int length = (int)Math.Min(bytes - done, ChunkBytes);
            if (!await ReadAsync(header.L1.Offset.Value + done, length, "the L1 table").ConfigureAwait(false))
                return;
            if (!ExamineL1(MemoryMarshal.Cast<byte, U64Be>(_chunk.AsSpan(0, length))))
                return;
        }
    }

    private bool ExamineL1(ReadOnlySpan<U64Be> entries)
    {
        foreach (U64Be word in entries)
        {
            if (word.Value == 0)
                continue;
            if (!_reader.TryExamine())
                return LeftOut("the L1 table");
            var entry = new L1Entry(word.Value);
            if ((word.Value & L1Entry.ReservedMask) != 0)
                _findings.Warning(
                    InspectionFindingIds.ReservedBits, $"An L1 entry has reserved bits: 0x{word.Value:x16}");
            if (AddClusterTable(entry.TableOffset.Value, StructureKind.L2Table))
                AddL2Table(entry.TableOffset.Value);
        }

        return true;
    }

    private async ValueTask InspectRefcountTableAsync()
    {
        long bytes = (long)header.RefcountTable.ClusterCount << header.ClusterBits;
        for (long done = 0; done < bytes; done += ChunkBytes)
        {
            int length = (int)Math.Min(bytes - done, ChunkBytes);
            if (!await ReadAsync(header.RefcountTable.Offset.Value + done, length, "the reference count table")
                .ConfigureAwait(false))
            {
                return;
            }

            if (!ExamineRefcountTable(MemoryMarshal.Cast<byte, U64Be>(_chunk.AsSpan(0, length))))
                return;
        }
    }

    private bool ExamineRefcountTable(ReadOnlySpan<U64Be> entries)
    {
        const ulong ReservedBits = 0x1ff;
        foreach (U64Be word in entries)
        {
            if (word.Value == 0)
                continue;
            if (!_reader.TryExamine())
                return LeftOut("the reference count table");
            if ((word.Value & ReservedBits) != 0 || word.Value > FormatLimits.MaxHostOffset)
            {
                _findings.Danger(
                    InspectionFindingIds.EntryInvalid,
                    $"A reference count table entry is malformed: 0x{word.Value:x16}");
                continue;
            }

            AddClusterTable((long)word.Value, StructureKind.RefcountBlock);
        }

        return true;
    }

    private async ValueTask InspectL2TablesAsync()
    {
        int tableBytes = header.ClusterSizeBytes;
        int entryBytes = header.CreateGeometry().L2EntryBytes;
        int examined = 0;
        for (; examined < _l2TableCount; examined++)
        {
            for (int done = 0; done < tableBytes; done += ChunkBytes)
            {
                int length = Math.Min(tableBytes - done, ChunkBytes);
                int there = await _reader.ReadAsync(_l2Tables[examined] + done, _chunk.AsMemory(0, length))
                    .ConfigureAwait(false);
                if (there < length || !_clusters.Examine(_chunk.AsSpan(0, length), entryBytes, _map))
                {
                    int left = _l2TableCount - examined;
                    context.LeaveOut($"{left} of {_l2TableCount} L2 tables were not fully examined");
                    _clusters.Conclude();
                    return;
                }
            }
        }

        _clusters.Conclude();
    }

    /// <summary>A table of one cluster that another table points to.</summary>
    private bool AddClusterTable(long offset, StructureKind kind)
    {
        if (offset == 0 || (offset & (header.ClusterSizeBytes - 1)) != 0)
        {
            _findings.Danger(
                InspectionFindingIds.EntryInvalid,
                $"The offset {offset} of an {Describe(kind)} is not that of a cluster");
            return false;
        }

        return AddTable((ulong)offset, (ulong)header.ClusterSizeBytes, kind);
    }

    private void AddL2Table(long offset)
    {
        if (_l2TableCount == _l2Tables.Length)
            Array.Resize(ref _l2Tables, _l2TableCount * 2);
        _l2Tables[_l2TableCount++] = offset;
    }

    private async ValueTask<bool> ReadAsync(long offset, int length, string what) =>
        await _reader.ReadAsync(offset, _chunk.AsMemory(0, length)).ConfigureAwait(false) == length || LeftOut(what);

    private bool LeftOut(string what)
    {
        context.LeaveOut($"A part of {what} was not examined");
        return false;
    }
}
