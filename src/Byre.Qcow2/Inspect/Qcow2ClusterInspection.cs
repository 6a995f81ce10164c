using System.Buffers.Binary;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Inspects what L2 tables say of the guest's clusters: whether they lie in the file and apart from its structures, and
/// how much they unpack to. Not thread-safe.
/// </summary>
internal sealed class Qcow2ClusterInspection(InspectionContext context, ImageHeader header)
{
    private readonly FindingList _findings = context.Findings;
    private readonly int _clusterBytes = header.ClusterSizeBytes;
    private readonly int _compressedOffsetBits = header.CreateGeometry().CompressedOffsetBits;
    private long _compressedClusters;
    private long _normalClusters;

    /// <summary>Examines the entries of a part of a table; false where the budget ended.</summary>
    public bool Examine(ReadOnlySpan<byte> table, int entryBytes, StructureMap map)
    {
        for (int at = 0; at < table.Length; at += entryBytes)
        {
            // Most tables are mostly empty: runs of zeroes are skipped as fast as memory can be read.
            if (BinaryPrimitives.ReadUInt64BigEndian(table[at..]) == 0)
            {
                int used = table[at..].IndexOfAnyExcept((byte)0);
                if (used < 0)
                    break;
                at = (at + used) & -entryBytes;
            }

            ulong word = BinaryPrimitives.ReadUInt64BigEndian(table[at..]);
            if (word == 0)
                continue;
            if (!context.Reader.TryExamine())
                return false;
            ExamineEntry(new L2Entry(word, default), map);
        }

        return true;
    }

    /// <summary>Reports what only all tables together tell.</summary>
    public void Conclude()
    {
        long unpacked = (_compressedClusters + _normalClusters) * _clusterBytes;
        long file = Math.Max(context.FileBytes, 1);
        if (!header.HasDataFile && _normalClusters * _clusterBytes > file + _clusterBytes)
        {
            _findings.Danger(
                InspectionFindingIds.Overlap,
                $"{_normalClusters} clusters of {_clusterBytes} bytes do not fit into the file: they share its bytes");
        }

        long expansion = unpacked / file;
        string text = $"The clusters that were examined unpack to {expansion} times the size of the file";
        if (expansion >= InspectionLimits.ExtremeExpansion)
            _findings.Danger(InspectionFindingIds.Expansion, text);
        else if (expansion >= InspectionLimits.LargeExpansion)
            _findings.Warning(InspectionFindingIds.Expansion, text);
    }

    private void ExamineEntry(L2Entry entry, StructureMap map)
    {
        if (entry.IsCompressed)
        {
            _compressedClusters++;
            long offset = (long)(entry.Word & ((1UL << _compressedOffsetBits) - 1));
            // Compressed data is not aligned; its length in the entry is rounded up to sectors, and may pass the end.
            ExamineData(offset, 1, map);
            return;
        }

        if ((entry.Word & L2Entry.ReservedMask) != 0)
            _findings.Warning(InspectionFindingIds.ReservedBits, $"An L2 entry has reserved bits: 0x{entry.Word:x16}");
        long host = entry.Offset.Value;
        if (host == 0 || header.HasDataFile)
            return;
        if ((host & (_clusterBytes - 1)) != 0)
        {
            _findings.Danger(
                InspectionFindingIds.EntryInvalid, $"The offset {host} of a guest's cluster is not that of a cluster");
            return;
        }

        _normalClusters++;
        ExamineData(host, _clusterBytes, map);
    }

    private void ExamineData(long offset, int lengthBytes, StructureMap map)
    {
        if (offset >= context.FileBytes)
        {
            _findings.Danger(
                InspectionFindingIds.DataOutOfFile, $"A guest's cluster at offset {offset} lies outside the file");
        }
        else if (map.Find(offset, lengthBytes) is { } kind)
        {
            _findings.Danger(
                InspectionFindingIds.Overlap,
                $"A guest's cluster at offset {offset} overlaps the {Qcow2TableInspection.Describe(kind)}");
        }
    }
}
