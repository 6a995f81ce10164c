namespace Byre.Durability.Tests.Kills;

/// <summary>
/// What each sector of a disk may hold after a crash: its content at the last flush that was acknowledged, or any
/// content it was given since. Sectors are independent of each other. Not thread-safe.
/// </summary>
internal sealed class DiskModel(byte[] content)
{
    private const int SectorBytes = 512;

    /// <summary>What the guest sees now; several possibilities where nobody knows whether a command was done.</summary>
    private readonly Dictionary<int, List<byte[]>> _views = [];

    /// <summary>What a crash may show besides the flushed content.</summary>
    private readonly Dictionary<int, List<byte[]>> _candidates = [];

    /// <summary>The content of the last acknowledged flush.</summary>
    public byte[] Durable { get; private set; } = content;

    /// <summary>A command that was done.</summary>
    public void Done(WriterCommand command) => Change(command, isCertain: true);

    /// <summary>A command that may have been done, in part or whole.</summary>
    public void Perhaps(WriterCommand command) => Change(command, isCertain: false);

    /// <summary>A flush was acknowledged.</summary>
    public void Flushed()
    {
        foreach ((int sector, List<byte[]> views) in _views)
        {
            Assert.Single(views);
            views[0].CopyTo(Durable, sector * SectorBytes);
        }

        _views.Clear();
        _candidates.Clear();
    }

    /// <summary>Compares with what a crash left; returns the first difference, or null.</summary>
    public string? FindLoss(ReadOnlySpan<byte> actual)
    {
        if (actual.Length != Durable.Length)
            return $"the disk has {actual.Length} bytes, not {Durable.Length}";
        for (int offset = 0; offset < actual.Length; offset += SectorBytes)
        {
            int length = Math.Min(SectorBytes, actual.Length - offset);
            ReadOnlySpan<byte> found = actual.Slice(offset, length);
            if (found.SequenceEqual(Durable.AsSpan(offset, length)))
                continue;
            if (!IsCandidate(offset / SectorBytes, found))
                return $"sector 0x{offset:x} holds {Describe(found)}; flushed was " +
                    $"{Describe(Durable.AsSpan(offset, length))}, later {DescribeCandidates(offset / SectorBytes)}";
        }

        return null;
    }

    /// <summary>From now on the disk is known to hold <paramref name="actual"/>.</summary>
    public void Settle(byte[] actual)
    {
        Durable = actual;
        _views.Clear();
        _candidates.Clear();
    }

    private void Change(WriterCommand command, bool isCertain)
    {
        int end = Math.Min(command.Offset + command.Length, Durable.Length);
        for (int sector = command.Offset / SectorBytes; sector * SectorBytes < end; sector++)
        {
            int start = sector * SectorBytes;
            List<byte[]> before = ViewsOf(sector);
            var after = new List<byte[]>();
            foreach (byte[] view in before)
            {
                byte[] changed = [.. view];
                int from = Math.Max(command.Offset - start, 0);
                int to = Math.Min(end - start, changed.Length);
                changed.AsSpan(from, to - from).Fill(command.Value);
                AddNew(after, changed);
            }

            if (!_candidates.TryGetValue(sector, out List<byte[]>? candidates))
                _candidates[sector] = candidates = [];
            foreach (byte[] view in after)
                AddNew(candidates, view);
            if (!isCertain)
            {
                foreach (byte[] view in before)
                    AddNew(after, view);
            }

            _views[sector] = after;
        }
    }

    private List<byte[]> ViewsOf(int sector)
    {
        if (_views.TryGetValue(sector, out List<byte[]>? views))
            return views;
        int start = sector * SectorBytes;
        return [Durable.AsSpan(start, Math.Min(SectorBytes, Durable.Length - start)).ToArray()];
    }

    private bool IsCandidate(int sector, ReadOnlySpan<byte> found)
    {
        if (!_candidates.TryGetValue(sector, out List<byte[]>? candidates))
            return false;
        foreach (byte[] candidate in candidates)
        {
            if (found.SequenceEqual(candidate))
                return true;
        }

        return false;
    }

    private static void AddNew(List<byte[]> list, byte[] view)
    {
        if (!list.Exists(known => known.AsSpan().SequenceEqual(view)))
            list.Add(view);
    }

    private string DescribeCandidates(int sector) =>
        _candidates.TryGetValue(sector, out List<byte[]>? candidates)
            ? string.Join(" or ", candidates.Select(candidate => Describe(candidate)))
            : "nothing";

    private static string Describe(ReadOnlySpan<byte> sector)
    {
        int differs = sector.IndexOfAnyExcept(sector[0]);
        return differs < 0 ? $"{sector[0]}" : $"{sector[0]} (from 0x{differs:x} on {sector[differs]})";
    }
}
