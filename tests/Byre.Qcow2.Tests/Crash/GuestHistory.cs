namespace Byre.Qcow2.Tests.Crash;

/// <summary>
/// What the guest wrote, and what it may therefore see after a power cut: of every sector the content of the last
/// flush that had ended, or anything written to it since then.
/// </summary>
internal sealed class GuestHistory(byte[] start)
{
    public const int SectorBytes = 512;

    private readonly List<Operation> _operations = [];
    private readonly byte[] _current = [.. start];

    /// <summary>What the guest sees now.</summary>
    public ReadOnlySpan<byte> Current => _current;

    /// <summary>Names of the operations, for failures.</summary>
    public IEnumerable<string> Names => _operations.Select(operation => operation.Name);

    /// <summary>A change between two counts of device events.</summary>
    public void Add(string name, int firstEvent, int endEvent, long offset, byte[] bytes)
    {
        _operations.Add(new Operation(name, firstEvent, endEvent, offset, bytes, null));
        bytes.CopyTo(_current, offset);
    }

    /// <summary>
    /// A flush begins: it covers what was added before. The result ends it, with the count of events then.
    /// </summary>
    public Action<int> BeginFlush(string name, int firstEvent)
    {
        byte[] flushed = [.. _current];
        int index = _operations.Count;
        return endEvent => _operations.Insert(index, new Operation(name, firstEvent, endEvent, 0, [], flushed));
    }

    /// <summary>
    /// Where the content after a cut that follows <paramref name="events"/> events is impossible; -1: nowhere.
    /// </summary>
    public long FindImpossible(ReadOnlySpan<byte> content, int events)
    {
        int last = _operations.FindLastIndex(operation => operation.Flushed is not null &&
            operation.EndEvent <= events);
        byte[] stable = last < 0 ? start : _operations[last].Flushed!;
        Operation[] later = [.. _operations.Skip(last + 1).Where(operation => operation.FirstEvent < events)];
        for (int at = 0; at < content.Length; at += SectorBytes)
        {
            ReadOnlySpan<byte> sector = content[at..Math.Min(at + SectorBytes, content.Length)];
            if (!sector.SequenceEqual(stable.AsSpan(at, sector.Length)) && !WasWritten(later, at, sector))
                return at;
        }

        return -1;
    }

    private static bool WasWritten(Operation[] operations, long at, ReadOnlySpan<byte> sector)
    {
        foreach (Operation operation in operations)
        {
            long inside = at - operation.Offset;
            if (inside >= 0 && inside + sector.Length <= operation.Bytes.Length &&
                sector.SequenceEqual(operation.Bytes.AsSpan((int)inside, sector.Length)))
                return true;
        }

        return false;
    }

    private sealed record Operation(
        string Name, int FirstEvent, int EndEvent, long Offset, byte[] Bytes, byte[]? Flushed);
}
