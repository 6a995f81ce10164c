using System.Globalization;
using System.Text;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// Writes JSON as QEMU's tools do: four blanks a level, keys in <see cref="QDictOrder"/>, everything beyond printable
/// ASCII escaped as \uXXXX. Values are what <see cref="InfoObject"/> allows. Stateless.
/// </summary>
internal static class QemuJsonWriter
{
    private const int IndentBlanks = 4;

    /// <summary>The text over several lines, without a line feed at the end.</summary>
    public static string WritePretty(object value)
    {
        var text = new StringBuilder();
        Append(text, value, level: 0, pretty: true);
        return text.ToString();
    }

    /// <summary>The text on one line, a blank after each colon and comma.</summary>
    public static string WriteCompact(object value)
    {
        var text = new StringBuilder();
        Append(text, value, level: 0, pretty: false);
        return text.ToString();
    }

    private static void Append(StringBuilder text, object value, int level, bool pretty)
    {
        switch (value)
        {
            case string words:
                JsonText.AppendQuoted(text, words);
                break;
            case bool flag:
                text.Append(flag ? "true" : "false");
                break;
            case long or int or ulong or uint:
                text.Append(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
                break;
            case double number:
                text.Append(number.ToString("R", CultureInfo.InvariantCulture));
                break;
            case InfoObject dictionary:
                AppendObject(text, dictionary, level, pretty);
                break;
            case System.Collections.IEnumerable list:
                AppendList(text, list, level, pretty);
                break;
            default:
                throw new ArgumentException($"A value of type {value.GetType()} has no JSON form.", nameof(value));
        }
    }

    private static void AppendObject(StringBuilder text, InfoObject dictionary, int level, bool pretty)
    {
        text.Append('{');
        bool first = true;
        foreach ((string key, object value) in QDictOrder.Sort(dictionary.Entries, entry => entry.Key))
        {
            Separate(text, first, level + 1, pretty);
            first = false;
            JsonText.AppendQuoted(text, key);
            text.Append(": ");
            Append(text, value, level + 1, pretty);
        }

        Close(text, '}', level, pretty);
    }

    private static void AppendList(StringBuilder text, System.Collections.IEnumerable list, int level, bool pretty)
    {
        text.Append('[');
        bool first = true;
        foreach (object item in list)
        {
            Separate(text, first, level + 1, pretty);
            first = false;
            Append(text, item, level + 1, pretty);
        }

        Close(text, ']', level, pretty);
    }

    private static void Separate(StringBuilder text, bool first, int level, bool pretty)
    {
        if (!first)
            text.Append(',');
        if (pretty)
            text.Append('\n').Append(' ', level * IndentBlanks);
        else if (!first)
            text.Append(' ');
    }

    private static void Close(StringBuilder text, char bracket, int level, bool pretty)
    {
        if (pretty)
            text.Append('\n').Append(' ', level * IndentBlanks);
        text.Append(bracket);
    }
}
