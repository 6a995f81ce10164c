namespace Byre.Cli.Shared;

/// <summary>
/// The option lists of QEMU's command lines: "key=value,flag,noflag,key=with,,comma". A flag without a value stands for
/// "on", and one that begins with "no" for "off". Stateless.
/// </summary>
internal static class OptionList
{
    /// <summary>The parts in order; keys may repeat (the last counts).</summary>
    /// <param name="text">The list.</param>
    /// <param name="impliedKey">The key of a first part that has none; null for none.</param>
    /// <param name="onFlag">Called with (flag as written, key, value) for each flag without a value.</param>
    public static List<KeyValuePair<string, string>> Parse(
        string text, string? impliedKey = null, Action<string, string, string>? onFlag = null)
    {
        var parts = new List<KeyValuePair<string, string>>();
        int position = 0;
        while (position < text.Length)
        {
            int end = text.AsSpan(position).IndexOfAny('=', ',');
            end = end < 0 ? text.Length : position + end;
            string key = text[position..end];
            string value;
            if (end < text.Length && text[end] == '=')
            {
                position = end + 1;
                value = TakeValue(text, ref position);
            }
            else if (impliedKey is not null && parts.Count == 0)
            {
                key = impliedKey;
                value = TakeValue(text, ref position);
            }
            else
            {
                position = end;
                string written = key;
                bool off = key.StartsWith("no", StringComparison.Ordinal);
                key = off ? key[2..] : key;
                value = off ? "off" : "on";
                onFlag?.Invoke(written, key, value);
            }

            parts.Add(new KeyValuePair<string, string>(key, value));
            if (position < text.Length)
                position++;
        }

        return parts;
    }

    /// <summary>True where a part asks for help ("help" or "?").</summary>
    public static bool AsksForHelp(string text)
    {
        bool asks = false;
        Parse(text, impliedKey: null, (written, _, _) => asks |= IsHelp(written));
        return asks;
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

    /// <summary>A value with its commas doubled.</summary>
    public static string Escape(string value) => value.Replace(",", ",,", StringComparison.Ordinal);

    /// <summary>True for the flags that ask for help.</summary>
    public static bool IsHelp(string key) => key is "help" or "?";

    private static string TakeValue(string text, ref int position)
    {
        var value = new System.Text.StringBuilder();
        while (position < text.Length)
        {
            char c = text[position];
            if (c == ',')
            {
                if (position + 1 >= text.Length || text[position + 1] != ',')
                    break;
                position++;
            }

            value.Append(c);
            position++;
        }

        return value.ToString();
    }
}
