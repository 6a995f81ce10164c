namespace Byre.Fuzz.Engine;

/// <summary>What came of one case.</summary>
internal sealed class FuzzResult
{
    private readonly HashSet<ulong> _features = [];

    /// <summary>What the case did, in hashes: a case with a new one is worth mutating further.</summary>
    public IReadOnlyCollection<ulong> Features => _features;

    /// <summary>The first thing that must not happen; null for none.</summary>
    public FuzzFinding? Finding { get; private set; }

    /// <summary>Time that the case may take beyond the limit: for what it had to say.</summary>
    public TimeSpan ExtraTime { get; set; }

    public void AddFeature(ulong feature) => _features.Add(feature);

    public void Fail(string key, string text) => Finding ??= new FuzzFinding(key, text);

    /// <summary>Hashes a text without the numbers in it.</summary>
    public static ulong HashWords(ReadOnlySpan<char> text, ulong seed)
    {
        ulong hash = seed * 0x9e37_79b9_7f4a_7c15;
        bool inNumber = false;
        foreach (char letter in text)
        {
            if (char.IsAsciiDigit(letter))
                inNumber = true;
            else if (!inNumber || !(letter == 'x' || char.IsAsciiHexDigit(letter)))
                (hash, inNumber) = ((hash ^ letter) * 0x100_0000_01b3, false);
        }

        return hash;
    }
}
