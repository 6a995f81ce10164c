using System.Globalization;
using System.Text;
using Byre.Fuzz.Engine;

namespace Byre.Fuzz.CommandLine;

/// <summary>
/// Makes up what users type: option lists, sizes, "json:{}" names, command lines; by their grammars, from the words
/// that the program knows, and then damages them. For one case.
/// </summary>
internal sealed class TextGenerator(FuzzRandom random)
{
    private const int MaxDepth = 6;

    private static readonly string[] Keys =
    [
        "driver", "file", "file.driver", "file.filename", "filename", "backing", "backing.driver", "node-name", "size",
        "offset", "cluster_size", "compat", "preallocation", "lazy_refcounts", "refcount_bits", "backing_file",
        "backing_fmt", "data_file", "data_file_raw", "extended_l2", "compression_type", "encrypt.format", "read-only",
        "cache.direct", "cache.no-flush", "l2-cache-size", "l2-cache-entry-size", "compressed-cache-size",
        "cache-budget", "overlap-check",
        "overlap-check.template", "cache-clean-interval", "discard", "detect-zeroes", "force-share", "id", "children",
        "children.0.driver", "vote-threshold", "latency-ns", "read-zeroes", "inject-error.0.event", "qom-type", "data",
    ];

    private static readonly string[] Values =
    [
        "on", "off", "yes", "true", "raw", "qcow2", "file", "null-co", "blkdebug", "quorum", "copy-on-read", "v3",
        "1.1", "0.10", "metadata", "falloc", "full", "zstd", "zlib", "luks", "unmap", "help", "?", "a.qcow2", "b.raw",
        "none", "all", "\0", "", "a,,b", "=", "json:{}",
    ];

    private static readonly string[] Commands =
    [
        "read", "write", "readv", "writev", "aio_read", "aio_write", "aio_flush", "discard", "flush", "truncate",
        "length", "info", "map", "alloc", "help", "close", "zone_report", "zap", "remove_break", "resume",
    ];

    private static readonly string[] Flags =
        ["-P", "-p", "-q", "-v", "-z", "-u", "-n", "-f", "-c", "-C", "-b", "-s", "-l", "-m", "-i", "--", "-", "-Pz"];

    public string OptionList()
    {
        var text = new StringBuilder();
        for (int i = random.Next(6); i >= 0; i--)
        {
            text.Append(random.Pick(Keys));
            if (!random.OneIn(6))
                text.Append('=').Append(Value());
            if (i > 0)
                text.Append(',');
        }

        return Damage(text.ToString());
    }

    public string Size()
    {
        string number = random.Next(4) switch
        {
            0 => (random.Next64() >> random.Next(64)).ToString(CultureInfo.InvariantCulture),
            1 => "0x" + (random.Next64() >> random.Next(64)).ToString("x", CultureInfo.InvariantCulture),
            2 => string.Create(
                CultureInfo.InvariantCulture, $"{random.Next(5000)}.{random.Next64() >> random.Next(64)}"),
            _ => random.Next(4096).ToString(CultureInfo.InvariantCulture),
        };
        string suffix = random.Pick<string>(["", "k", "K", "M", "G", "T", "P", "E", "b", "s", "kk", " "]);
        return Damage(random.Pick<string>(["", "", "", "-", "+", " "]) + number + suffix);
    }

    /// <summary>An object as a "json:{}" name has it.</summary>
    public string Json()
    {
        var text = new StringBuilder("json:");
        if (random.OneIn(40))
            text.Append('[', random.Next(5000));
        AppendObject(text, 0);
        return "json:" + Damage(text.ToString()["json:".Length..]);
    }

    /// <summary>A command of the exerciser, on a small disk.</summary>
    public string Command()
    {
        var text = new StringBuilder(random.Pick(Commands));
        for (int i = random.Next(6); i > 0; i--)
        {
            text.Append(' ');
            if (random.OneIn(2))
                text.Append(random.Pick(Flags));
            else if (random.OneIn(4))
                text.Append(Value());
            else
                text.Append(random.Next(1 << 16)).Append(random.Pick<string>(["", "k", "b"]));
        }

        return Damage(text.ToString());
    }

    /// <summary>The words of a command line.</summary>
    public string[] Arguments()
    {
        string[] words = new string[1 + random.Next(8)];
        words[0] = "verb";
        for (int i = 1; i < words.Length; i++)
        {
            words[i] = random.Next(5) switch
            {
                0 => random.Pick(Flags),
                1 => "--" + random.Pick<string>(["output", "output=json", "image-opts", "obj", "force", "h", "", "=x"]),
                2 => "-" + (char)random.Next(128) + (random.OneIn(2) ? Value() : ""),
                _ => Damage(Value()),
            };
        }

        return words;
    }

    private string Value() => random.OneIn(3) ? Size() : random.Pick(Values);

    private void AppendObject(StringBuilder text, int depth)
    {
        text.Append('{');
        for (int i = random.Next(4); i >= 0; i--)
        {
            char quote = random.OneIn(4) ? '\'' : '"';
            text.Append(quote).Append(random.Pick(Keys)).Append(quote).Append(random.OneIn(3) ? ": " : ":");
            AppendValue(text, depth + 1);
            if (i > 0)
                text.Append(',');
        }

        text.Append('}');
    }

    private void AppendValue(StringBuilder text, int depth)
    {
        switch (random.Next(8))
        {
            case 0 or 1 when depth < MaxDepth:
                AppendObject(text, depth);
                break;
            case 2 when depth < MaxDepth:
                text.Append('[');
                for (int i = random.Next(4); i > 0; i--)
                {
                    AppendValue(text, depth + 1);
                    text.Append(i > 1 ? "," : "");
                }

                text.Append(']');
                break;
            case 3:
                text.Append(random.Pick<string>(["true", "false", "null", "nul", "-1", "1e999", "01", "1.5e-3", "-"]));
                break;
            case 4:
                text.Append(random.Next64());
                break;
            default:
                text.Append('"').Append(random.OneIn(6) ? "\\u00e9\\n\\\"" : random.Pick(Values)).Append('"');
                break;
        }
    }

    /// <summary>Changes a text here and there, or leaves it.</summary>
    private string Damage(string text)
    {
        if (!random.OneIn(3))
            return text;
        var damaged = new StringBuilder(text);
        for (int i = random.Next(4); i >= 0 && damaged.Length > 0; i--)
        {
            int place = random.Next(damaged.Length);
            switch (random.Next(4))
            {
                case 0:
                    damaged.Remove(place, 1);
                    break;
                case 1:
                    damaged[place] = (char)random.Next(random.OneIn(4) ? 0x10000 : 128);
                    break;
                case 2:
                    damaged.Insert(
                        place, random.Pick<string>([",", "=", "\"", "\\", "{", "}", "[", "]", ".", ":", " ", "0"]));
                    break;
                default:
                    damaged.Insert(place, damaged.ToString(place, Math.Min(8, damaged.Length - place)));
                    break;
            }
        }

        return damaged.ToString();
    }
}
