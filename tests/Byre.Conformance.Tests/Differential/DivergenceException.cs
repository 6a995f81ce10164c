namespace Byre.Conformance.Tests.Differential;

/// <summary>The two implementations, or one and the model, disagree.</summary>
internal sealed class DivergenceException(string message, bool isPeerFinding = false) : Exception(message)
{
    /// <summary>True where the peer's own result is wrong and ours is right.</summary>
    public bool IsPeerFinding { get; } = isPeerFinding;
}
