using System.Text;

namespace Byre.Block.Graph;

/// <summary>
/// The options of a node together with those of its children, as a tree: what a "json:{}" name spells. Built once per
/// node, then only read.
/// </summary>
internal sealed class OptionTree
{
    private readonly OptionSet _options = new();
    private readonly Dictionary<string, OptionTree> _children = new(StringComparer.Ordinal);
    private readonly List<string> _keys = [];

    /// <summary>Adds one option of <paramref name="source"/>.</summary>
    public void Add(OptionSet source, string key)
    {
        _keys.Add(key);
        _options.CopyFrom(source, key);
    }

    public void Add(string key, string value)
    {
        _keys.Add(key);
        _options[key] = value;
    }

    public void AddNull(string key)
    {
        _keys.Add(key);
        _options.SetLiteral(key, OptionSet.Null);
    }

    public void Add(string childName, OptionTree child)
    {
        if (_children.TryAdd(childName, child))
            _keys.Add(childName);
    }

    public bool Contains(string key) => _options.Contains(key);

    /// <summary>The compact JSON text.</summary>
    public string ToJson()
    {
        var text = new StringBuilder();
        AppendJson(text);
        return text.ToString();
    }

    private void AppendJson(StringBuilder text)
    {
        text.Append('{');
        string separator = "";
        foreach (string key in QDictOrder.Sort(_keys))
        {
            text.Append(separator);
            separator = ", ";
            JsonText.AppendQuoted(text, key);
            text.Append(": ");
            if (_children.TryGetValue(key, out OptionTree? child))
                child.AppendJson(text);
            else
                AppendValue(text, key);
        }

        text.Append('}');
    }

    private void AppendValue(StringBuilder text, string key)
    {
        string value = _options[key];
        if (!_options.IsLiteral(key))
        {
            JsonText.AppendQuoted(text, value);
            return;
        }

        text.Append(value switch
        {
            "on" => "true",
            "off" => "false",
            OptionSet.Null => "null",
            _ => value,
        });
    }
}
