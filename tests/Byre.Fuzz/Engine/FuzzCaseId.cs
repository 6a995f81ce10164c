using System.Collections.Immutable;
using System.Globalization;

namespace Byre.Fuzz.Engine;

/// <summary>
/// What a case is made of: its target, the seed of its first mutation, and the seeds of mutations on top of it. The
/// text of it ("image:17.4711") repeats the case. Immutable.
/// </summary>
internal sealed record FuzzCaseId(string Target, ImmutableArray<ulong> Seeds)
{
    /// <summary>Mutations on top of each other.</summary>
    public const int MaxDepth = 6;

    public ulong LastSeed => Seeds[^1];

    public FuzzCaseId Then(ulong seed) => this with { Seeds = Seeds.Add(seed) };

    public static FuzzCaseId First(string target, ulong seed) => new(target, [seed]);

    /// <exception cref="FormatException">Not a case.</exception>
    public static FuzzCaseId Parse(string text)
    {
        string[] parts = text.Split(':', 2);
        if (parts.Length < 2)
            throw new FormatException($"not a case: {text}");
        return new FuzzCaseId(parts[0], [.. parts[1].Split('.').Select(ParseSeed)]);
    }

    private static ulong ParseSeed(string text) => ulong.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    public override string ToString() => Target + ":" + string.Join('.', Seeds);
}
