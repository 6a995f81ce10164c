using System.Buffers.Binary;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Decodes L2 tables into an <see cref="L2ScanLog"/>. Pure: it neither counts nor reports, so that tables can be
/// scanned on any thread in any order. Source: specification, "Standard Cluster Descriptor", "Compressed Clusters
/// Descriptor" and "Extended L2 Entries".
/// </summary>
internal readonly ref struct L2TableScanner
{
    private readonly Geometry _geometry;
    private readonly L2ScanLog _log;
    private readonly long _fileLengthBytes;
    private readonly bool _hasDataFile;
    private readonly bool _repairs;

    public L2TableScanner(CheckContext context, L2ScanLog log, bool repairs)
    {
        _geometry = context.Geometry;
        _log = log;
        _fileLengthBytes = context.File.LengthBytes;
        _hasDataFile = context.Header.HasDataFile;
        _repairs = repairs;
    }

    /// <summary>Scans one table; a whole cluster.</summary>
    public void Scan(ReadOnlySpan<byte> table)
    {
        var run = default(Run);
        int entryBytes = _geometry.L2EntryBytes;
        bool simple = entryBytes == Geometry.TableEntryBytes && !_hasDataFile;
        ulong offsetMask = L2Entry.OffsetMask & ~(ulong)(_geometry.ClusterSize - 1);
        for (int at = NextUsed(table, 0); at < table.Length; at = NextUsed(table, at + entryBytes))
        {
            at &= -entryBytes;
            ulong word = BinaryPrimitives.ReadUInt64BigEndian(table[at..]);
            ulong offset = word & offsetMask;
            bool hasOddBits = (word & ~(offsetMask | L2Entry.CopiedFlag)) != 0;
            if (simple && !hasOddBits && offset != 0 && (long)offset < _fileLengthBytes)
                AddCluster(ref run, word, (long)offset);
            else
                ScanEntry(ref run, word, table, at);
        }

        Flush(ref run);
        _log.EndTable();
    }

    /// <summary>
    /// Offset of the next byte that is not zero: unallocated entries are skipped by vector instructions.
    /// </summary>
    private static int NextUsed(ReadOnlySpan<byte> table, int from)
    {
        // In a full table the very next entry is used: its first byte holds the copied flag.
        if (from < table.Length && table[from] != 0)
            return from;
        int distance = from < table.Length ? table[from..].IndexOfAnyExcept((byte)0) : -1;
        return distance < 0 ? table.Length : from + distance;
    }

    private void AddCluster(ref Run run, ulong word, long offset)
    {
        _log.AllocatedClusters++;
        if (run.NextOffset != 0 && offset != run.NextOffset)
            _log.FragmentedClusters++;
        if ((word & L2Entry.CopiedFlag) == 0)
            _log.HasUncopied = true;
        if (run.Count == 0 || offset != run.NextOffset)
        {
            Flush(ref run);
            run.First = _geometry.ClusterOf(new HostOffset(offset));
        }

        run.Count++;
        run.NextOffset = offset + _geometry.ClusterSize;
    }

    private void Flush(ref Run run)
    {
        if (run.Count > 0)
            _log.AddRun(run.First, run.Count);
        run.Count = 0;
    }

    private void ScanEntry(ref Run run, ulong word, ReadOnlySpan<byte> table, int at)
    {
        // Events keep their place among the runs.
        Flush(ref run);
        ulong bitmap = _geometry.HasSubclusters ? BinaryPrimitives.ReadUInt64BigEndian(table[(at + 8)..]) : 0;
        int index = at / _geometry.L2EntryBytes;
        if ((word & L2Entry.CompressedFlag) != 0)
        {
            ScanCompressed(word, bitmap, index);
            return;
        }

        if ((word & L2Entry.ReservedMask) != 0)
            Report(CheckFindingId.L2EntryReservedBits, $"ERROR found l2 entry with reserved bits set: {word:x}");
        bool hasCluster = (word & L2Entry.OffsetMask) != 0;
        bool isZero = !_geometry.HasSubclusters && (word & L2Entry.ZeroFlag) != 0;
        if (hasCluster || (!isZero && _hasDataFile && (word & L2Entry.CopiedFlag) != 0))
        {
            ScanAllocated(ref run, word, new SubclusterBitmap(bitmap), index);
        }
        else if (!isZero && (bitmap & SubclusterBitmap.AllAllocated) != 0)
        {
            Report(
                CheckFindingId.SubclusterBitmapWithoutCluster,
                "ERROR: Unallocated cluster has non-zero subcluster allocation map");
        }
    }

    private void ScanCompressed(ulong word, ulong bitmap, int index)
    {
        if ((word & L2Entry.CopiedFlag) != 0)
        {
            ulong offset = word & ((1UL << _geometry.CompressedOffsetBits) - 1);
            Report(
                CheckFindingId.CompressedCopied,
                $"ERROR: coffset=0x{offset:x}: copied flag must never be set for compressed clusters");
            word &= ~L2Entry.CopiedFlag;
        }

        if (_hasDataFile)
        {
            Report(
                CheckFindingId.CompressedWithDataFile,
                $"ERROR compressed cluster {index} with data file, entry=0x{word:x}");
            return;
        }

        if (bitmap != 0)
        {
            Report(
                CheckFindingId.CompressedWithSubclusters,
                $"ERROR compressed cluster {index} with non-zero subcluster allocation bitmap, entry=0x{word:x}");
            return;
        }

        CompressedDescriptor descriptor = CompressedDescriptor.Decode(word, _geometry);
        AddReference(descriptor.Offset, descriptor.LengthBytes);

        // Compressed clusters share sectors with their neighbours: reading them in order reads sectors twice.
        _log.AllocatedClusters++;
        _log.CompressedClusters++;
        _log.FragmentedClusters++;
    }

    private void ScanAllocated(ref Run run, ulong word, SubclusterBitmap bitmap, int index)
    {
        var offset = new HostOffset((long)(word & L2Entry.OffsetMask));
        if (bitmap.IsContradictory)
        {
            Report(
                CheckFindingId.SubclusterBitmapContradictory,
                $"ERROR offset={offset.Value:x}: Allocated cluster has corrupted subcluster allocation bitmap");
        }

        if (_geometry.OffsetInCluster(offset.Value) != 0 && ReportUnaligned(word, bitmap, index))
            return;

        _log.AllocatedClusters++;
        if (run.NextOffset != 0 && offset.Value != run.NextOffset)
            _log.FragmentedClusters++;
        run.NextOffset = offset.Value + _geometry.ClusterSize;
        if ((word & L2Entry.CopiedFlag) == 0)
            _log.HasUncopied = true;
        if (!_hasDataFile)
            AddReference(offset, _geometry.ClusterSize);
    }

    /// <summary>Reports a cluster that does not start on one; true where a repair is going to remove it.</summary>
    private bool ReportUnaligned(ulong word, SubclusterBitmap bitmap, int index)
    {
        long offset = (long)(word & L2Entry.OffsetMask);
        bool containsData = _geometry.HasSubclusters ? bitmap.Allocated != 0 : (word & L2Entry.ZeroFlag) == 0;
        if (containsData)
        {
            Report(
                CheckFindingId.DataClusterUnaligned,
                $"ERROR offset={offset:x}: Data cluster is not properly aligned; L2 entry corrupted.");
            return false;
        }

        string verb = _repairs ? "Repairing" : "ERROR";
        var finding = new CheckFinding(
            CheckFindingId.PreallocatedClusterUnaligned,
            $"{verb} offset={offset:x}: Preallocated cluster is not properly aligned; L2 entry corrupted.");
        L2ScanEventKind kind = _repairs ? L2ScanEventKind.MisplacedZeroCluster : L2ScanEventKind.Corruption;
        _log.AddEvent(new L2ScanEvent(kind) { Finding = finding, EntryIndex = index });
        return _repairs;
    }

    private void AddReference(HostOffset offset, long lengthBytes)
    {
        if (offset.Value + lengthBytes <= _fileLengthBytes)
        {
            HostCluster first = _geometry.ClusterOf(offset);
            _log.AddRun(first, (int)(_geometry.ClusterOf(offset.Value + lengthBytes - 1) - first.Index + 1));
        }
        else
        {
            var region = new TableExtent(offset, lengthBytes);
            _log.AddEvent(new L2ScanEvent(L2ScanEventKind.Reference) { Region = region });
        }
    }

    private void Report(CheckFindingId id, string text) =>
        _log.AddEvent(new L2ScanEvent(L2ScanEventKind.Corruption) { Finding = new CheckFinding(id, text) });

    /// <summary>Clusters that follow each other in guest and host, not yet logged.</summary>
    private struct Run
    {
        public HostCluster First;
        public int Count;

        /// <summary>Where the next cluster is expected; 0 before the first one.</summary>
        public long NextOffset;
    }
}
