namespace Byre.Tidy.Tests;

/// <summary>
/// Blanks out comments, strings and character literals of a C# file, keeping line feeds, so that braces and words can
/// be found by simple means. Knows verbatim, raw and interpolated strings; what is inside an interpolation is blanked
/// with it.
/// </summary>
internal sealed class CSharpText
{
    private readonly string _text;
    private readonly char[] _code;
    private int _at;

    private CSharpText(string text)
    {
        _text = text;
        _code = text.ToCharArray();
    }

    /// <summary>The code alone, as long as the text and with the same lines.</summary>
    public static string CodeOf(string text)
    {
        var scanner = new CSharpText(text);
        while (scanner._at < text.Length)
            scanner.Step();
        return new string(scanner._code);
    }

    private void Step()
    {
        if (Starts("//"))
            BlankUntil(_text.IndexOf('\n', _at));
        else if (Starts("/*"))
            BlankUntil(_text.IndexOf("*/", _at + 2, StringComparison.Ordinal) + 2);
        else if (_text[_at] == '#' && IsFirstOfLine())
            BlankUntil(_text.IndexOf('\n', _at));
        else if (Starts("\"\"\"") && (_at == 0 || _text[_at - 1] != '@'))
            BlankRaw();
        else if (_text[_at] == '"')
            BlankQuoted();
        else if (_text[_at] == '\'')
            BlankEscaped();
        else
            _at++;
    }

    private bool IsFirstOfLine() => string.IsNullOrWhiteSpace(_text[(_text.LastIndexOf('\n', _at) + 1).._at]);

    private void BlankRaw()
    {
        int quotes = 0;
        while (_at + quotes < _text.Length && _text[_at + quotes] == '"')
            quotes++;
        string fence = new('"', quotes);
        BlankUntil(_text.IndexOf(fence, _at + quotes, StringComparison.Ordinal) + quotes);
    }

    private void BlankQuoted()
    {
        string before = _text[Math.Max(0, _at - 2).._at];
        bool interpolated = before.EndsWith('$') || before == "$@";
        if (before.EndsWith('@') || before == "@$")
            BlankVerbatim();
        else if (interpolated)
            BlankInterpolated();
        else
            BlankEscaped();
    }

    private void BlankVerbatim()
    {
        int end = _at + 1;
        while (end < _text.Length && (_text[end] != '"' || (end + 1 < _text.Length && _text[end + 1] == '"')))
            end += _text[end] == '"' ? 2 : 1;
        BlankUntil(end + 1);
    }

    private void BlankInterpolated()
    {
        int end = _at + 1;
        int depth = 0;
        while (end < _text.Length && (_text[end] != '"' || depth > 0))
        {
            char current = _text[end];
            if (current == '"')
                end = EndOfEscaped(end);
            else if (depth == 0 && (current == '\\' || Doubled(end)))
                end++;
            else if (current is '{' or '}')
                depth += current == '{' ? 1 : -1;
            end++;
        }

        BlankUntil(end + 1);
    }

    private bool Doubled(int at) => _text[at] is '{' or '}' && at + 1 < _text.Length && _text[at + 1] == _text[at];

    private void BlankEscaped() => BlankUntil(EndOfEscaped(_at) + 1);

    /// <summary>Where the quotation mark is that closes the one at <paramref name="start"/>.</summary>
    private int EndOfEscaped(int start)
    {
        int end = start + 1;
        while (end < _text.Length && _text[end] != _text[start])
            end += _text[end] == '\\' ? 2 : 1;
        return end;
    }

    private bool Starts(string what) => string.CompareOrdinal(_text, _at, what, 0, what.Length) == 0;

    private void BlankUntil(int end)
    {
        if (end <= _at || end > _text.Length)
            end = _text.Length;
        for (; _at < end; _at++)
        {
            if (_code[_at] != '\n')
                _code[_at] = ' ';
        }
    }
}
