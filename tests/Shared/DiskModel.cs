using System.Diagnostics.CodeAnalysis;

namespace Byre.Tests.Shared;

/// <summary>
/// What each sector of a disk may hold: what a guest may see now, and what may be left after a crash, which is its
/// content at the last flush that was acknowledged or any content it was given since. Sectors are independent of each
/// other. Not thread-safe. Compiled into each test project that uses it.
/// </summary>
internal sealed class DiskModel(byte[] content)
{
    public const int SectorBytes = 512;

    /// <summary>Sectors that are not simply what <see cref="Durable"/> says.</summary>
    private readonly Dictionary<int, SectorStates> _states = [];

    /// <summary>From this offset on anything may be read, and the disk may end anywhere; null for nowhere.</summary>
    private int? _forgottenFrom;

    /// <summary>The content of the last flush, where it is known.</summary>
    public byte[] Durable { get; private set; } = content;

    /// <summary>A copy with the same knowledge, where everything is flushed.</summary>
    public DiskModel Copy() => _states.Count == 0
        ? new DiskModel([.. Durable])
        : throw new InvalidOperationException("only a flushed disk can be copied");

    /// <summary>Bytes were written.</summary>
    public void Write(int offset, ReadOnlySpan<byte> bytes, bool isCertain = true)
    {
        int end = Math.Min(offset + bytes.Length, Durable.Length);
        for (int start = offset / SectorBytes * SectorBytes; start < end; start += SectorBytes)
        {
            int from = Math.Max(offset, start);
            int to = Math.Min(end, Math.Min(start + SectorBytes, Durable.Length));
            SectorStates states = StatesOf(start);
            states.Change(from - start, bytes[(from - offset)..(to - offset)], isCertain);
        }
    }

    /// <summary>A range got one value.</summary>
    public void Fill(int offset, int length, byte value, bool isCertain = true)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        Write(offset, bytes, isCertain);
    }

    /// <summary>A flush was acknowledged.</summary>
    public void Flushed()
    {
        foreach ((int start, SectorStates states) in _states.ToArray())
        {
            if (!states.TryFlush(out byte[]? content))
                continue;
            content.CopyTo(Durable, start);
            _states.Remove(start);
        }
    }

    /// <summary>From now on the disk is known to hold <paramref name="actual"/>, stably.</summary>
    public void Settle(byte[] actual)
    {
        Durable = actual;
        _forgottenFrom = null;
        _states.Clear();
    }

    /// <summary>The disk has another length; what is new reads as zeroes.</summary>
    public void Resize(int lengthBytes)
    {
        foreach (int start in _states.Keys.Where(start => start + SectorBytes > lengthBytes).ToArray())
            _states.Remove(start);
        byte[] resized = new byte[lengthBytes];
        Durable.AsSpan(0, Math.Min(lengthBytes, Durable.Length)).CopyTo(resized);
        Durable = resized;
        _forgottenFrom = null;
    }

    /// <summary>Nobody knows what is behind <paramref name="offset"/>, nor where the disk ends.</summary>
    public void ForgetFrom(int offset) => _forgottenFrom = Math.Min(_forgottenFrom ?? offset, offset);

    /// <summary>The first difference from what a guest may see now; null for none.</summary>
    public string? FindWrong(ReadOnlySpan<byte> actual) => Find(actual, static states => states.Views);

    /// <summary>The first difference from what a crash may leave; null for none.</summary>
    public string? FindLoss(ReadOnlySpan<byte> actual) => Find(actual, static states => states.Possible);

    private string? Find(ReadOnlySpan<byte> actual, Func<SectorStates, List<byte[]>> choose)
    {
        if (actual.Length != Durable.Length && _forgottenFrom is null)
            return $"the disk has {actual.Length} bytes, not {Durable.Length}";
        int end = Math.Min(actual.Length, _forgottenFrom ?? actual.Length);
        for (int start = 0; start < end; start += SectorBytes)
        {
            int length = Math.Min(SectorBytes, end - start);
            ReadOnlySpan<byte> found = actual.Slice(start, length);
            List<byte[]> allowed = _states.TryGetValue(start, out SectorStates? states)
                ? choose(states) : [Durable.AsSpan(start, length).ToArray()];
            if (!Contains(allowed, found))
            {
                return $"sector 0x{start:x} holds {Describe(found)}; allowed is " +
                    string.Join(" or ", allowed.Select(view => Describe(view)));
            }
        }

        return null;
    }

    private SectorStates StatesOf(int start)
    {
        if (!_states.TryGetValue(start, out SectorStates? states))
        {
            int length = Math.Min(SectorBytes, Durable.Length - start);
            _states[start] = states = new SectorStates(Durable.AsSpan(start, length).ToArray());
        }

        return states;
    }

    private static bool Contains(List<byte[]> views, ReadOnlySpan<byte> found)
    {
        foreach (byte[] view in views)
        {
            if (found.SequenceEqual(view.AsSpan(0, Math.Min(view.Length, found.Length))))
                return true;
        }

        return false;
    }

    private static string Describe(ReadOnlySpan<byte> sector)
    {
        int differs = sector.IndexOfAnyExcept(sector[0]);
        return differs < 0 ? $"{sector[0]}" : $"{sector[0]} (from 0x{differs:x} on {sector[differs]})";
    }

    /// <summary>What one sector may hold.</summary>
    private sealed class SectorStates(byte[] content)
    {
        /// <summary>Now; several where nobody knows whether a request was done.</summary>
        public List<byte[]> Views { get; private set; } = [content];

        /// <summary>After a crash.</summary>
        public List<byte[]> Possible { get; private set; } = [content];

        public void Change(int offset, ReadOnlySpan<byte> bytes, bool isCertain)
        {
            var after = new List<byte[]>();
            foreach (byte[] view in Views)
            {
                byte[] changed = [.. view];
                bytes.CopyTo(changed.AsSpan(offset));
                AddNew(after, changed);
                AddNew(Possible, changed);
            }

            if (!isCertain)
                Views.ForEach(view => AddNew(after, view));
            Views = after;
        }

        /// <summary>True where only one content is left.</summary>
        public bool TryFlush([NotNullWhen(true)] out byte[]? only)
        {
            Possible = [.. Views];
            only = Views.Count == 1 ? Views[0] : null;
            return only is not null;
        }

        private static void AddNew(List<byte[]> list, byte[] view)
        {
            if (!Contains(list, view))
                list.Add(view);
        }
    }
}
