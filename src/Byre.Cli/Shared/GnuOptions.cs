namespace Byre.Cli.Shared;

/// <summary>
/// Walks over a command line by the rules of the GNU C library's getopt_long: options may follow operands (which are
/// moved to the end), short flags combine ("-pP 0xa"), an argument may be attached ("-P0xa", "--output=json"), long
/// names may be abbreviated while they stay unique, and "--" ends the options. Not thread-safe.
/// <code>
/// var options = new GnuOptions(arguments, "f:hqU", LongOptions);
/// for (int code; (code = options.Next()) != GnuOptions.End;) switch (code) { case 'f': format = options.Argument;
/// ... } foreach (string operand in options.Operands) ...
/// </code>
/// </summary>
internal sealed class GnuOptions
{
    /// <summary>No more options; the rest are <see cref="Operands"/>.</summary>
    public const int End = -1;

    /// <summary>An option that is unknown, ambiguous, or has an argument where it takes none.</summary>
    public const int Unknown = '?';

    /// <summary>An option whose argument is missing.</summary>
    public const int MissingArgument = ':';

    private readonly string[] _arguments;
    private readonly string _shortOptions;
    private readonly LongOption[] _longOptions;
    private readonly bool _stopAtOperand;
    private int _index = 1;
    private int _firstOperand = 1;
    private int _endOfOperands = 1;
    private string _cluster = "";
    private int _clusterPosition;

    /// <param name="arguments">The command's name first, as in argv.</param>
    /// <param name="shortOptions">Letters, those with an argument followed by a colon.</param>
    /// <param name="longOptions">The long options.</param>
    /// <param name="stopAtOperand">End at the first operand instead of moving operands to the end.</param>
    public GnuOptions(
        ReadOnlySpan<string> arguments, string shortOptions, LongOption[] longOptions, bool stopAtOperand = false)
    {
        _arguments = arguments.ToArray();
        _shortOptions = shortOptions;
        _longOptions = longOptions;
        _stopAtOperand = stopAtOperand;
    }

    /// <summary>
    /// Takes the options that every command has ("--safe"): true where an element was one, and the walk goes on by
    /// itself. Null: there are none.
    /// </summary>
    public Func<string, bool>? TakeCommon { get; init; }

    /// <summary>The argument of the option returned last; empty where it has none.</summary>
    public string Argument { get; private set; } = "";

    /// <summary>The letter or long name (with its dashes) that <see cref="Next"/> complained of last.</summary>
    public string Culprit { get; private set; } = "";

    /// <summary>
    /// Why <see cref="Next"/> returned <see cref="Unknown"/> or <see cref="MissingArgument"/>, in the C library's
    /// words.
    /// </summary>
    public string Complaint { get; private set; } = "";

    /// <summary>
    /// The element of the command line before the one to be read next: what QEMU's tools quote when an option is
    /// wrong. Inside a cluster of short flags this is the element before the cluster.
    /// </summary>
    public string PreviousElement => _arguments[_index - 1];

    /// <summary>Index of the next element; after <see cref="End"/> that of the first operand.</summary>
    public int Index => _index;

    /// <summary>What remains after <see cref="End"/>.</summary>
    public ReadOnlySpan<string> Operands => _arguments.AsSpan(_index);

    /// <summary>
    /// The next option's code, <see cref="End"/>, <see cref="Unknown"/> or <see cref="MissingArgument"/>.
    /// </summary>
    public int Next()
    {
        Argument = "";
        if (_clusterPosition < _cluster.Length)
            return NextShort();
        if (!FindNextOption())
            return End;

        string element = _arguments[_index];
        if (element[1] == '-')
        {
            _index++;
            return TakeCommon?.Invoke(element) == true ? Next() : ParseLong(element);
        }

        _cluster = element;
        _clusterPosition = 1;
        return NextShort();
    }

    /// <summary>
    /// Like <see cref="Next"/>, but complains as QEMU's tools do: "unrecognized option 'X'", "missing argument for
    /// option 'X'".
    /// </summary>
    /// <exception cref="UsageException">The option is unknown or its argument is missing.</exception>
    public int NextOrThrow() => Next() switch
    {
        Unknown => throw new UsageException($"unrecognized option '{PreviousElement}'"),
        MissingArgument => throw new UsageException($"missing argument for option '{PreviousElement}'"),
        int code => code,
    };

    /// <summary>Moves the operands met so far behind the options met since, and steps to the next option.</summary>
    private bool FindNextOption()
    {
        if (_endOfOperands > _index)
            _endOfOperands = _index;
        if (_firstOperand > _index)
            _firstOperand = _index;

        if (_firstOperand != _endOfOperands && _endOfOperands != _index)
            MoveOperandsBehindOptions();
        else if (_endOfOperands != _index)
            _firstOperand = _index;
        if (!_stopAtOperand)
        {
            while (_index < _arguments.Length && !IsOption(_arguments[_index]))
                _index++;
        }

        _endOfOperands = _index;
        if (_index < _arguments.Length && _arguments[_index] == "--")
        {
            _index++;
            if (_firstOperand != _endOfOperands && _endOfOperands != _index)
                MoveOperandsBehindOptions();
            else if (_firstOperand == _endOfOperands)
                _firstOperand = _index;
            _endOfOperands = _arguments.Length;
            _index = _arguments.Length;
        }

        if (_index < _arguments.Length && IsOption(_arguments[_index]))
            return true;
        if (_firstOperand != _endOfOperands)
            _index = _firstOperand;
        return false;
    }

    private static bool IsOption(string element) => element.Length > 1 && element[0] == '-';

    private void MoveOperandsBehindOptions()
    {
        string[] operands = _arguments[_firstOperand.._endOfOperands];
        int optionCount = _index - _endOfOperands;
        Array.Copy(_arguments, _endOfOperands, _arguments, _firstOperand, optionCount);
        operands.CopyTo(_arguments, _firstOperand + optionCount);
        _firstOperand += optionCount;
        _endOfOperands = _index;
    }

    private int NextShort()
    {
        char letter = _cluster[_clusterPosition++];
        bool last = _clusterPosition == _cluster.Length;
        if (last)
            _index++;

        int known = letter is ':' or ';' ? -1 : _shortOptions.IndexOf(letter, StringComparison.Ordinal);
        if (known < 0)
            return Complain(Unknown, letter.ToString(), $"invalid option -- '{letter}'");
        if (known + 1 == _shortOptions.Length || _shortOptions[known + 1] != ':')
            return letter;

        if (!last)
        {
            Argument = _cluster[_clusterPosition..];
            _clusterPosition = _cluster.Length;
            _index++;
        }
        else if (_index == _arguments.Length)
        {
            return Complain(MissingArgument, letter.ToString(), $"option requires an argument -- '{letter}'");
        }
        else
        {
            Argument = _arguments[_index++];
        }

        return letter;
    }

    private int ParseLong(string element)
    {
        int equals = element.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? element[2..] : element[2..equals];
        if (!TryFindLong(name, out LongOption option, out bool ambiguous))
        {
            string complaint = ambiguous ? $"option '{element}' is ambiguous" : $"unrecognized option '--{name}'";
            return Complain(Unknown, "--" + name, complaint);
        }

        if (equals >= 0)
        {
            if (!option.TakesArgument)
                return Complain(Unknown, "--" + option.Name, $"option '--{option.Name}' doesn't allow an argument");
            Argument = element[(equals + 1)..];
        }
        else if (option.TakesArgument)
        {
            if (_index == _arguments.Length)
                return Complain(MissingArgument, "--" + option.Name, $"option '--{option.Name}' requires an argument");
            Argument = _arguments[_index++];
        }

        return option.Code;
    }

    private bool TryFindLong(string name, out LongOption option, out bool ambiguous)
    {
        option = default;
        ambiguous = false;
        bool found = false;
        foreach (LongOption candidate in _longOptions)
        {
            if (candidate.Name == name)
            {
                option = candidate;
                ambiguous = false;
                return true;
            }

            if (!candidate.Name.StartsWith(name, StringComparison.Ordinal))
                continue;
            // Two abbreviations of the same option are no contradiction.
            ambiguous |= found && (candidate.Code != option.Code || candidate.TakesArgument != option.TakesArgument);
            if (!found)
                option = candidate;
            found = true;
        }

        return found && !ambiguous;
    }

    private int Complain(int code, string culprit, string complaint)
    {
        Culprit = culprit;
        Complaint = complaint;
        return code;
    }
}
