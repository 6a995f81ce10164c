using System.Globalization;
using System.Text;
using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// The creation options of a format and of the protocol below it, and the values given for them. Filled by <c>-o</c>
/// lists and old-style flags; every value is checked when it is set. Not thread-safe.
/// </summary>
internal sealed class CreationOptions
{
    /// <summary>Column where the help texts begin.</summary>
    private const int HelpColumn = 24;

    private readonly List<CreateOption> _known = [];
    private readonly OptionSet _given = new();
    private readonly OptionSet _normalised = new();

    /// <param name="format">The format's driver.</param>
    /// <param name="protocol">The driver of the file below; null to leave its options out.</param>
    public CreationOptions(BlockDriver format, BlockDriver? protocol)
    {
        _known.AddRange(format.CreateOptions);
        foreach (CreateOption option in protocol?.CreateOptions ?? [])
        {
            if (Find(option.Name) is null)
                _known.Add(option);
        }
    }

    /// <summary>Normalised values of what was given: sizes and numbers in decimal, "on" and "off".</summary>
    public OptionSet Values => _normalised;

    /// <summary>True where one of the drivers knows the option.</summary>
    public bool Knows(string name) => Find(name) is not null;

    /// <summary>The value given for an option, else its default; null for none.</summary>
    public string? Get(string name) => _normalised.Get(name) ?? Find(name)?.Default;

    /// <summary>Sets what a list "name=value,..." gives.</summary>
    /// <exception cref="BlockException">An option nobody knows, or a value of the wrong type.</exception>
    public void Parse(string list)
    {
        OptionSet options = OptionText.Parse(list);
        foreach (string name in options.Keys)
            Set(name, options[name]);
    }

    /// <summary>Sets one option.</summary>
    /// <exception cref="BlockException">Nobody knows the option, or the value is of the wrong type.</exception>
    public void Set(string name, string value)
    {
        CreateOption option = Find(name) ?? throw BlockException.Invalid($"Invalid parameter '{name}'");
        _normalised[name] = option.Type switch
        {
            CreateOptionType.Bool => OptionSet.ParseBool(name, value) ? "on" : "off",
            CreateOptionType.Number => SizeText.ParseUnsigned(name, value).ToString(CultureInfo.InvariantCulture),
            CreateOptionType.Size => Decimal(SizeText.Parse(name, value)),
            _ => value,
        };
        _given[name] = value;
    }

    /// <summary>Sets one option to a number of bytes.</summary>
    public void Set(string name, long value)
    {
        _normalised[name] = Decimal(value);
        _given[name] = Decimal(value);
    }

    /// <summary>"name=value name=value": what was given and what is so by default, in the drivers' order.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        foreach (CreateOption option in _known)
        {
            bool isNumber = option.Type is CreateOptionType.Number or CreateOptionType.Size;
            string? value = (isNumber ? _normalised : _given).Get(option.Name) ?? option.Default;
            if (value is null)
                continue;
            if (text.Length > 0)
                text.Append(' ');
            text.Append(option.Name).Append('=');
            text.Append(option.Type == CreateOptionType.Text ? OptionText.Escape(value) : value);
        }

        return text.ToString();
    }

    /// <summary>The lines of <c>-o help</c>, sorted.</summary>
    public void PrintHelp(StandardOutput output)
    {
        var lines = new List<string>(_known.Count);
        foreach (CreateOption option in _known)
        {
            string line = $"  {option.Name}=<{TypeName(option.Type)}>";
            lines.Add(option.Help.Length == 0 ? line : line.PadRight(HelpColumn) + " - " + option.Help);
        }

        lines.Sort(StringComparer.Ordinal);
        foreach (string line in lines)
            output.WriteLine(line);
    }

    private static string TypeName(CreateOptionType type) => type switch
    {
        CreateOptionType.Bool => "bool (on/off)",
        CreateOptionType.Number => "num",
        CreateOptionType.Size => "size",
        _ => "str",
    };

    private static string Decimal(long value) => value.ToString(CultureInfo.InvariantCulture);

    private CreateOption? Find(string name) => _known.Find(option => option.Name == name);
}
