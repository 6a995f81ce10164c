using System.Text;
using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// Options written as one text: "key=value,other=value". A comma inside a value is doubled; a key without a value
/// stands for "key=on" and "nokey" for "key=off". Used by <c>-o</c>, <c>--image-opts</c>, <c>--object</c>. Stateless.
/// </summary>
public static class OptionText
{
    /// <summary>Parses <paramref name="text"/>; of a key given twice the last value counts.</summary>
    /// <param name="text">The options.</param>
    /// <param name="impliedKey">The key that a first value without one belongs to; null where a bare word is a
    /// flag.</param>
    /// <param name="warn">Receives the warning (without "warning: ") for every flag without a value; null for
    /// none.</param>
    /// <param name="keepId">Keep "id", which names the list itself and is no option, among them.</param>
    /// <exception cref="BlockException">A parameter with an empty name.</exception>
    public static OptionSet Parse(
        string text, string? impliedKey = null, Action<string>? warn = null, bool keepId = false)
    {
        var options = new OptionSet();
        int position = 0;
        while (position < text.Length)
        {
            (string key, string value) = Next(text, ref position, impliedKey, warn);
            impliedKey = null;
            if (key.Length == 0)
                throw BlockException.Invalid("Invalid parameter ''");
            if (keepId || key != "id")
                options[key] = value;
        }

        return options;
    }

    /// <summary>True where one of the comma-separated words of <paramref name="text"/> is "help" or "?".</summary>
    public static bool AsksForHelp(string text)
    {
        int position = 0;
        while (position < text.Length)
        {
            string word = TakeValue(text, ref position);
            if (IsHelp(word))
                return true;
        }

        return false;
    }

    /// <summary>
    /// True where lists like this one can be joined by commas: not empty, no comma first, no odd number of commas last.
    /// </summary>
    public static bool IsJoinable(string text)
    {
        if (text.Length == 0 || text[0] == ',')
            return false;
        int commas = text.Length - text.TrimEnd(',').Length;
        return commas % 2 == 0;
    }

    /// <summary>True for the words that ask for a list of what is possible.</summary>
    public static bool IsHelp(string word) => word is "help" or "?";

    /// <summary><paramref name="value"/> with its commas doubled.</summary>
    public static string Escape(string value) => value.Replace(",", ",,", StringComparison.Ordinal);

    private static (string Key, string Value) Next(
        string text, ref int position, string? impliedKey, Action<string>? warn)
    {
        int end = text.AsSpan(position).IndexOfAny('=', ',');
        end = end < 0 ? text.Length : position + end;
        if (end < text.Length && text[end] == '=')
        {
            string key = text[position..end];
            position = end + 1;
            return (key, TakeValue(text, ref position));
        }

        if (impliedKey is not null)
            return (impliedKey, TakeValue(text, ref position));

        string flag = text[position..end];
        position = Math.Min(end + 1, text.Length);
        bool negated = flag.StartsWith("no", StringComparison.Ordinal);
        string name = negated ? flag[2..] : flag;
        string state = negated ? "off" : "on";
        if (!IsHelp(flag))
            warn?.Invoke($"short-form boolean option '{flag}' deprecated\nPlease use {name}={state} instead");
        return (name, state);
    }

    /// <summary>Reads up to a single comma, which is skipped, and turns double commas into single ones.</summary>
    private static string TakeValue(string text, ref int position)
    {
        int comma = text.IndexOf(',', position);
        if (comma < 0)
        {
            string rest = text[position..];
            position = text.Length;
            return rest;
        }

        var value = new StringBuilder();
        int start = position;
        for (; comma >= 0; comma = text.IndexOf(',', start))
        {
            bool doubled = comma + 1 < text.Length && text[comma + 1] == ',';
            value.Append(text, start, comma - start + (doubled ? 1 : 0));
            start = comma + (doubled ? 2 : 1);
            if (!doubled)
                break;
        }

        if (comma < 0)
        {
            value.Append(text, start, text.Length - start);
            start = text.Length;
        }

        position = start;
        return value.ToString();
    }
}
