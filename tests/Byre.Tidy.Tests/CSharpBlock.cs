using System.Text.RegularExpressions;

namespace Byre.Tidy.Tests;

/// <summary>
/// A type or a member with a body, as far as braces tell. Lines count from 1, from its first word to its last brace.
/// </summary>
/// <param name="Header">What stands before the brace, on one line.</param>
/// <param name="FirstLine">Line of the header's first word.</param>
/// <param name="LastLine">Line of the closing brace.</param>
/// <param name="IsType">A class, struct, record, interface or enum; else a member.</param>
/// <param name="Depth">Types around it.</param>
internal sealed partial record CSharpBlock(string Header, int FirstLine, int LastLine, bool IsType, int Depth)
{
    [GeneratedRegex(@"\b(class|struct|record|interface|enum|namespace)\b(?!\?)")]
    private static partial Regex TypeWord { get; }

    [GeneratedRegex(@"^\s*(\[[^\]]*\]\s*)*")]
    private static partial Regex Attributes { get; }

    /// <summary>The types of a file and their members, in the order in which they end.</summary>
    public static IEnumerable<CSharpBlock> In(string text)
    {
        string code = CSharpText.CodeOf(text);
        var open = new Stack<(string Header, int Start, bool IsType, bool IsMember)>();
        int headerStart = 0;
        for (int i = 0; i < code.Length; i++)
        {
            switch (code[i])
            {
                case ';':
                    headerStart = i + 1;
                    break;
                case '{':
                    open.Push(Classify(code[headerStart..i], headerStart, open));
                    headerStart = i + 1;
                    break;
                case '}' when open.Count > 0:
                    var block = open.Pop();
                    if (block.IsType || block.IsMember)
                    {
                        int depth = open.Count(outer => outer.IsType);
                        int first = LineOf(code, block.Start);
                        yield return new CSharpBlock(block.Header, first, LineOf(code, i), block.IsType, depth);
                    }

                    headerStart = i + 1;
                    break;
            }
        }
    }

    private static (string Header, int Start, bool IsType, bool IsMember) Classify(
        string header, int headerStart, Stack<(string Header, int Start, bool IsType, bool IsMember)> open)
    {
        int attributes = Attributes.Match(header).Length;
        int start = headerStart + attributes;
        string line = Regex.Replace(header[attributes..], @"\s+", " ").Trim();
        bool inType = open.Count > 0 && open.Peek().IsType;
        bool atTop = open.Count == 0;
        string outside = WithoutParentheses(line);
        bool isType = (inType || atTop) && TypeWord.IsMatch(outside) && !outside.Contains('=');
        if (isType && outside.Contains("namespace ", StringComparison.Ordinal))
            isType = false;
        bool isOperator = outside.Contains("operator", StringComparison.Ordinal);
        bool initializes = !isOperator && Regex.IsMatch(outside, @"(?<![=!<>])=(?![=>])");
        return (line, start, isType, inType && !isType && !initializes);
    }

    private static string WithoutParentheses(string text)
    {
        string last;
        do
        {
            last = text;
            text = Regex.Replace(text, @"\([^()]*\)", "");
        }
        while (text != last);
        return text;
    }

    private static int LineOf(string code, int index) => code.AsSpan(0, index).Count('\n') + 1;
}
