using Byre.Block.Errors;
using Byre.Block.Formats;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Reads a file within the budget of <see cref="InspectionLimits"/>, counting. Small reads are served from a window, so
/// that walking over records does not cost a read each. Not thread-safe.
/// </summary>
internal sealed class BoundedReader(InspectionSource source, CancellationToken cancellation)
{
    private const int WindowBytes = 16 << 10;

    private readonly byte[] _window = new byte[WindowBytes];
    private long _windowOffset;
    private int _windowLength;
    private long _bytesLimit = InspectionLimits.MaxBytesRead;
    private int _entriesLimit = InspectionLimits.MaxEntries;

    public long LengthBytes { get; } = source.LengthBytes;

    public long BytesRead { get; private set; }

    public int Reads { get; private set; }

    public int EntriesExamined { get; private set; }

    /// <summary>True from the moment on when something could not be read or examined for lack of budget.</summary>
    public bool IsExhausted { get; private set; }

    /// <summary>
    /// Begins a part of the work that may use one <paramref name="divisor"/>th of the budget, so that one huge table
    /// does not hide the others; 1 lifts the bound to the whole.
    /// </summary>
    public void BeginPart(int divisor)
    {
        _bytesLimit = Math.Min(BytesRead + (InspectionLimits.MaxBytesRead / divisor), InspectionLimits.MaxBytesRead);
        int entries = InspectionLimits.MaxEntries / divisor;
        _entriesLimit = Math.Min(EntriesExamined + entries, InspectionLimits.MaxEntries);
    }

    /// <summary>Counts an entry that is about to be examined; false where there may be no more.</summary>
    public bool TryExamine()
    {
        if (EntriesExamined == _entriesLimit)
        {
            IsExhausted = true;
            return false;
        }

        EntriesExamined++;
        return true;
    }

    /// <summary>
    /// Reads as much of <paramref name="target"/> as the file has and the budget allows; the rest becomes zeroes.
    /// </summary>
    /// <returns>Bytes read.</returns>
    public async ValueTask<int> ReadAsync(long offset, Memory<byte> target)
    {
        Invariant.That(offset >= 0);
        if (target.Length > WindowBytes / 4)
            return await FillAsync(offset, target).ConfigureAwait(false);
        bool isInside = offset >= _windowOffset && offset + target.Length <= _windowOffset + _windowLength;
        if (!isInside)
        {
            _windowOffset = offset;
            _windowLength = await FillAsync(offset, _window).ConfigureAwait(false);
        }

        int there = (int)Math.Min(target.Length, _windowOffset + _windowLength - offset);
        _window.AsSpan((int)(offset - _windowOffset), there).CopyTo(target.Span);
        target.Span[there..].Clear();
        return there;
    }

    private async ValueTask<int> FillAsync(long offset, Memory<byte> target)
    {
        int wanted = (int)Math.Clamp(LengthBytes - offset, 0, target.Length);
        int allowed = (int)Math.Min(wanted, _bytesLimit - BytesRead);
        if (Reads >= InspectionLimits.MaxReads)
            allowed = 0;
        IsExhausted |= allowed < wanted;
        int done = 0;
        while (done < allowed && Reads < InspectionLimits.MaxReads)
        {
            Reads++;
            int count = await source.ReadAsync(offset + done, target[done..allowed], cancellation)
                .ConfigureAwait(false);
            // A file that became shorter meanwhile ends here.
            if (count == 0)
                break;
            BytesRead += count;
            done += count;
        }

        target.Span[done..].Clear();
        return done;
    }
}
