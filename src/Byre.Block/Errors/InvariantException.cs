namespace Byre.Block.Errors;

/// <summary>An internal contract was broken: a bug in Byre. Never caught by the libraries.</summary>
public sealed class InvariantException(string text) : Exception("Invariant broken: " + text);
