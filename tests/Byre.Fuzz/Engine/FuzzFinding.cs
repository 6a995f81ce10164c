namespace Byre.Fuzz.Engine;

/// <summary>Something that must not happen, and did.</summary>
/// <param name="Key">The same for the same bug, as far as that can be told.</param>
/// <param name="Text">What happened, for a human.</param>
internal sealed record FuzzFinding(string Key, string Text);
