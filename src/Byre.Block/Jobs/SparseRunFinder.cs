using Byre.Block.Buffers;
using Byre.Block.Errors;

namespace Byre.Block.Jobs;

/// <summary>
/// Divides a buffer into runs that hold data and runs of zeroes, as the peer's convert does, so that both tools
/// allocate the same clusters. Zeroes count by whole sectors; a run of zeroes inside data counts only from a minimum
/// length; the borders move to multiples of an alignment, always so that no data falls into a run of zeroes.
/// Immutable, thread-safe.
/// </summary>
internal readonly struct SparseRunFinder
{
    /// <summary>The unit in which zeroes are looked for.</summary>
    public const int SectorBytes = 512;

    private readonly int _minimumSectors;
    private readonly int _alignmentSectors;

    /// <param name="minimumBytes">A run of zeroes inside data shorter than this is data; a positive multiple of a
    /// sector.</param>
    /// <param name="alignmentBytes">Borders are moved to multiples of it where they can be; a power of two.</param>
    public SparseRunFinder(int minimumBytes, int alignmentBytes)
    {
        Invariant.That(minimumBytes > 0 && minimumBytes % SectorBytes == 0);
        Invariant.That(int.IsPow2(alignmentBytes));
        _minimumSectors = minimumBytes / SectorBytes;
        _alignmentSectors = Math.Max(1, alignmentBytes / SectorBytes);
    }

    /// <summary>Appends the runs of <paramref name="buffer"/>, in order and without gaps.</summary>
    /// <param name="buffer">Whole sectors.</param>
    /// <param name="position">The buffer's offset in the disk in bytes, a multiple of a sector: what borders are
    /// aligned to.</param>
    /// <param name="runs">Receives the runs.</param>
    public void Find(ReadOnlySpan<byte> buffer, long position, List<SparseRun> runs)
    {
        Invariant.That(buffer.Length % SectorBytes == 0 && position % SectorBytes == 0);
        int start = 0;
        while (start < buffer.Length)
        {
            bool isData = TakeRun(buffer[start..], (position + start) / SectorBytes, out int sectors);
            runs.Add(new SparseRun(start, sectors * SectorBytes, isData));
            start += sectors * SectorBytes;
        }
    }

    /// <summary>The first run, where data swallows the short runs of zeroes that follow it.</summary>
    private bool TakeRun(ReadOnlySpan<byte> buffer, long sector, out int sectors)
    {
        int left = buffer.Length / SectorBytes;
        int minimum = Math.Min(left, _minimumSectors);
        if (!TakePiece(buffer, sector, out sectors))
            return false;

        int seen = sectors;
        while (seen < left)
        {
            bool isData = TakePiece(buffer[(seen * SectorBytes)..], sector + seen, out int piece);
            seen += piece;
            if (isData)
                sectors = seen;
            else if (piece >= minimum)
                break;
        }

        return true;
    }

    /// <summary>The sectors from the start that are alike, their end moved to the alignment.</summary>
    private bool TakePiece(ReadOnlySpan<byte> buffer, long sector, out int sectors)
    {
        int total = buffer.Length / SectorBytes;
        int zeroes = CountZeroSectors(buffer);
        bool isZero = zeroes > 0;
        sectors = isZero ? zeroes : CountDataSectors(buffer);
        if (sectors == total)
            return !isZero;

        int tail = (int)((sector + sectors) & (_alignmentSectors - 1));
        if (tail == 0)
            return !isZero;
        // The data after a few zeroes would make the target read and rewrite their block: they are cheaper as data.
        if (isZero && sectors <= tail)
            isZero = false;
        sectors = isZero ? sectors - tail : Math.Min(total, sectors + _alignmentSectors - tail);
        return !isZero;
    }

    private static int CountZeroSectors(ReadOnlySpan<byte> buffer)
    {
        if (!ZeroDetector.IsZero(buffer[..SectorBytes]))
            return 0;
        int firstNonZero = buffer.IndexOfAnyExcept((byte)0);
        return (firstNonZero < 0 ? buffer.Length : firstNonZero) / SectorBytes;
    }

    private static int CountDataSectors(ReadOnlySpan<byte> buffer)
    {
        int end = SectorBytes;
        while (end < buffer.Length && !ZeroDetector.IsZero(buffer.Slice(end, SectorBytes)))
            end += SectorBytes;
        return end / SectorBytes;
    }
}
