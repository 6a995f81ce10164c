namespace Byre.Qcow2.Metadata;

/// <summary>
/// Which pointers a failed write has left in doubt. A write that reports an error may have reached the device all the
/// same: the header, or an entry of the refcount table, may then lead to something that the engine has given up, and
/// will give to somebody else. The next flush writes them again, as they are in memory, before anything that was freed
/// since can be used. Thread-safe.
/// </summary>
internal sealed class UncertainPointers
{
    private readonly Lock _lock = new();
    private readonly SortedSet<long> _refcountEntries = [];
    private bool _header;

    /// <summary>The header was written, or that failed.</summary>
    public void NoteHeader(bool written)
    {
        lock (_lock)
            _header = !written;
    }

    /// <summary>An entry of the refcount table was written, or that failed.</summary>
    public void NoteRefcountEntry(long index, bool written)
    {
        lock (_lock)
        {
            if (written)
                _refcountEntries.Remove(index);
            else
                _refcountEntries.Add(index);
        }
    }

    /// <summary>True where something is in doubt.</summary>
    public bool Any
    {
        get
        {
            lock (_lock)
                return _header || _refcountEntries.Count > 0;
        }
    }

    /// <summary>All that is in doubt.</summary>
    public (bool Header, long[] RefcountEntries) List()
    {
        lock (_lock)
            return (_header, [.. _refcountEntries]);
    }
}
