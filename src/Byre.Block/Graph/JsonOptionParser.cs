using System.Globalization;
using System.Text;
using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// Reads one JSON object into a flat <see cref="OptionSet"/>. Accepts QEMU's dialect: strings in single quotes and the
/// escape <c>\'</c> as well. Complains in QEMU's words. (The framework's reader accepts neither, and costs start-up
/// time.)
/// </summary>
internal sealed class JsonOptionParser(string text)
{
    private const int MaxDepth = 1024;

    private readonly OptionSet _options = new();
    private int _position;
    private int _depth;

    public OptionSet Parse()
    {
        SkipBlanks();
        if (_position == text.Length)
            throw Error("Expecting a JSON value");
        if (text[_position] != '{')
        {
            ParseValue("");
            throw BlockException.Invalid("Invalid JSON object given");
        }

        ParseObject("");
        SkipBlanks();
        if (_position < text.Length)
            throw Error("Expecting at most one JSON value");
        return _options;
    }

    private static BlockException Error(string what) =>
        BlockException.Invalid($"Could not parse the JSON options: {what}");

    private static BlockException ParseError(string what) => Error($"JSON parse error, {what}");

    /// <summary>
    /// Reads a value and stores it under <paramref name="key"/>; an empty object or list is not stored.
    /// </summary>
    private void ParseValue(string key)
    {
        switch (Peek())
        {
            case '{':
                ParseObject(key + ".");
                break;
            case '[':
                ParseList(key + ".");
                break;
            case '"' or '\'':
                _options[key] = ParseString();
                break;
            case '-' or (>= '0' and <= '9'):
                _options.SetLiteral(key, ParseNumber());
                break;
            case >= 'a' and <= 'z':
                _options.SetLiteral(key, ParseKeyword());
                break;
            case '}' or ']' or ',' or ':':
                throw ParseError("expecting value");
            default:
                throw ParseError($"stray '{text[_position]}'");
        }
    }

    private void ParseObject(string prefix)
    {
        Enter();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        if (!Accept('}'))
        {
            do
            {
                string key = ParseKey();
                if (!seen.Add(key))
                    throw ParseError("duplicate key");
                if (!Accept(':'))
                    throw ParseError("missing : in object pair");
                ParseValue(prefix + key);
            }
            while (Accept(','));
            if (!Accept('}'))
                throw ParseError("expected separator in dict");
        }

        _depth--;
    }

    private void ParseList(string prefix)
    {
        Enter();
        if (!Accept(']'))
        {
            int index = 0;
            do
                ParseValue(prefix + index++.ToString(CultureInfo.InvariantCulture));
            while (Accept(','));
            if (!Accept(']'))
                throw ParseError("expected separator in list");
        }

        _depth--;
    }

    private void Enter()
    {
        _position++;
        if (++_depth > MaxDepth)
            throw Error("JSON nesting depth limit exceeded");
    }

    private string ParseKey()
    {
        char next = Peek();
        if (next is '"' or '\'')
            return ParseString();
        if (char.IsAsciiLetterLower(next))
            ParseKeyword();
        throw ParseError(next is '}' or ']' or ',' ? "expecting value" : "key is not a string in object");
    }

    private string ParseKeyword()
    {
        int start = _position;
        while (_position < text.Length && char.IsAsciiLetterLower(text[_position]))
            _position++;
        string word = text[start.._position];
        return word switch
        {
            "true" => "on",
            "false" => "off",
            "null" => OptionSet.Null,
            _ => throw ParseError($"invalid keyword '{word}'"),
        };
    }

    private string ParseNumber()
    {
        int start = _position++;
        while (_position < text.Length &&
            (char.IsAsciiDigit(text[_position]) || text[_position] is '.' or 'e' or 'E' or '+' or '-'))
            _position++;
        string number = text[start.._position];
        int digits = number[0] == '-' ? 1 : 0;
        bool isNumber = double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
        bool leadingZero = number.Length > digits + 1 && number[digits] == '0' && char.IsAsciiDigit(number[digits + 1]);
        return isNumber && !leadingZero ? number : throw ParseError($"stray '{number}'");
    }

    private string ParseString()
    {
        char quote = text[_position++];
        var value = new StringBuilder();
        while (true)
        {
            if (_position >= text.Length)
                throw ParseError("premature EOI");
            char character = text[_position++];
            if (character == quote)
                return value.ToString();
            if (character < ' ')
                throw ParseError($"stray '{quote}{value}'");
            value.Append(character == '\\' ? ParseEscape() : character);
        }
    }

    private char ParseEscape()
    {
        char escape = _position < text.Length ? text[_position++] : throw ParseError("premature EOI");
        switch (escape)
        {
            case '"' or '\'' or '\\' or '/':
                return escape;
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                ReadOnlySpan<char> digits = text.AsSpan(_position, Math.Min(4, text.Length - _position));
                if (!ushort.TryParse(
                    digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort code)
                    || digits.Length < 4)
                    throw ParseError("invalid escape sequence in string");
                _position += 4;
                return (char)code;
            default:
                throw ParseError("invalid escape sequence in string");
        }
    }

    private bool Accept(char expected)
    {
        if (Peek() != expected)
            return false;
        _position++;
        return true;
    }

    private char Peek()
    {
        SkipBlanks();
        return _position < text.Length ? text[_position] : throw ParseError("premature EOI");
    }

    private void SkipBlanks()
    {
        while (_position < text.Length && text[_position] is ' ' or '\t' or '\n' or '\r')
            _position++;
    }
}
