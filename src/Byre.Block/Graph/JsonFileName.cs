using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// The pseudo protocol "json:{...}": a file name that is a tree of options. Stateless.
/// </summary>
public static class JsonFileName
{
    /// <summary>What such a name begins with.</summary>
    public const string Prefix = "json:";

    /// <summary>True where <paramref name="fileName"/> is such a name.</summary>
    public static bool IsOne(string fileName) => fileName.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>
    /// The options that <paramref name="fileName"/> spells, flattened: objects to "a.b", arrays to "a.0", booleans to
    /// "on" and "off", null to <see cref="OptionSet.Null"/>, numbers as they are written.
    /// </summary>
    /// <exception cref="BlockException">Not JSON, or not an object.</exception>
    public static OptionSet Parse(string fileName)
    {
        Invariant.That(IsOne(fileName));
        return new JsonOptionParser(fileName[Prefix.Length..]).Parse();
    }
}
