namespace Byre.Block.Graph;

/// <summary>
/// An ordered tree of facts for printing as text or JSON. Values are string, long, bool, <see cref="InfoObject"/> or
/// <see cref="IReadOnlyList{T}"/> of such. Keys are the JSON keys ("lazy-refcounts"); text output replaces dashes by
/// spaces.
/// </summary>
public sealed class InfoObject
{
    private readonly List<KeyValuePair<string, object>> _entries = [];

    public IReadOnlyList<KeyValuePair<string, object>> Entries => _entries;

    /// <summary>Adds an entry; null values are left out. Returns itself for chaining.</summary>
    public InfoObject Add(string key, object? value)
    {
        if (value is not null)
            _entries.Add(new KeyValuePair<string, object>(key, value is int number ? (long)number : value));
        return this;
    }
}
