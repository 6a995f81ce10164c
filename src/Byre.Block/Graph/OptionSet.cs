using System.Diagnostics.CodeAnalysis;
using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// The options of a node: a flat map from dotted keys ("file.driver", "backing.file.filename",
/// "overlap-check.template", "children.0.driver") to texts. JSON booleans arrive as "on" and "off", numbers in
/// decimal, JSON null as
/// <see cref="Null"/>. A driver takes what it knows (<see cref="Take"/> removes it); whoever opened the node
/// complains of what is left. Mutable; not thread-safe.
/// </summary>
public sealed class OptionSet
{
    /// <summary>The value that stands for JSON's null ("backing": null means: no backing file).</summary>
    public const string Null = "\0null";

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];

    /// <summary>Keys whose values were numbers, booleans or null in JSON: written back without quotes.</summary>
    private HashSet<string>? _literals;

    /// <summary>Keys in the order in which they were set.</summary>
    public IReadOnlyList<string> Keys => _order;

    public bool IsEmpty => _order.Count == 0;

    public int Count => _order.Count;

    /// <summary>Sets a value; a key that is already there keeps its place.</summary>
    public string this[string key]
    {
        get => _values[key];
        set
        {
            if (!_values.ContainsKey(key))
                _order.Add(key);
            _values[key] = value;
            _literals?.Remove(key);
        }
    }

    public bool Contains(string key) => _values.ContainsKey(key);

    public bool TryGet(string key, [NotNullWhen(true)] out string? value) => _values.TryGetValue(key, out value);

    public string? Get(string key) => _values.GetValueOrDefault(key);

    /// <summary>Removes a key and returns its value; null where it is not set.</summary>
    public string? Take(string key)
    {
        if (!_values.Remove(key, out string? value))
            return null;
        _order.Remove(key);
        _literals?.Remove(key);
        return value;
    }

    /// <summary>Takes an "on"/"off" value (also yes/no, true/false, y/n).</summary>
    /// <exception cref="BlockException">The text is none of these: "Parameter 'x' expects 'on' or 'off'".</exception>
    public bool? TakeBool(string key) => Take(key) is { } text ? ParseBool(key, text) : null;

    /// <summary>Reads "on"/"off" (also yes/no, true/false, y/n) of the parameter <paramref name="key"/>.</summary>
    public static bool ParseBool(string key, string text) => text switch
    {
        "on" or "yes" or "true" or "y" => true,
        "off" or "no" or "false" or "n" => false,
        _ => throw BlockException.Invalid($"Parameter '{key}' expects 'on' or 'off'"),
    };

    /// <summary>Takes a size with an optional suffix (b, K, M, G, T, P, E).</summary>
    public long? TakeSize(string key) => Take(key) is { } text ? SizeText.Parse(key, text) : null;

    /// <summary>Takes a decimal or 0x number.</summary>
    public long? TakeNumber(string key) => Take(key) is { } text ? SizeText.ParseNumber(key, text) : null;

    /// <summary>
    /// Removes every key that begins with <paramref name="prefix"/> (which ends in a dot) and returns them without
    /// it.
    /// </summary>
    public OptionSet TakeSubset(string prefix)
    {
        var subset = new OptionSet();
        foreach (string key in _order.ToArray())
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal))
                MoveTo(subset, key, key[prefix.Length..]);
        }

        return subset;
    }

    /// <summary>True where some key begins with <paramref name="prefix"/>.</summary>
    public bool HasPrefix(string prefix) => _order.Exists(key => key.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>
    /// Sets everything of <paramref name="other"/> that is not set here, or all of it with
    /// <paramref name="overwrite"/>.
    /// </summary>
    public void Merge(OptionSet other, bool overwrite)
    {
        foreach (string key in other._order)
        {
            if (overwrite || !Contains(key))
                CopyFrom(other, key);
        }
    }

    /// <summary>Sets one value of <paramref name="other"/> here.</summary>
    internal void CopyFrom(OptionSet other, string key)
    {
        this[key] = other[key];
        if (other.IsLiteral(key))
            (_literals ??= []).Add(key);
    }

    /// <summary>Sets a value that was a number, a boolean or null in JSON.</summary>
    internal void SetLiteral(string key, string value)
    {
        this[key] = value;
        (_literals ??= []).Add(key);
    }

    internal bool IsLiteral(string key) => _literals?.Contains(key) == true;

    private void MoveTo(OptionSet target, string key, string newKey)
    {
        bool literal = IsLiteral(key);
        string value = Take(key)!;
        if (literal)
            target.SetLiteral(newKey, value);
        else
            target[newKey] = value;
    }

    public OptionSet Clone()
    {
        var copy = new OptionSet();
        copy.Merge(this, overwrite: true);
        return copy;
    }
}
