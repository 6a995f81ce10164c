namespace Byre.Qcow2.Check;

/// <summary>
/// One thing a check has to say. Immutable.
/// </summary>
/// <param name="Id">What it is about.</param>
/// <param name="Text">The line for a human, in the peer's words, without a line feed; <c>qemu-img</c> prints it to
/// stderr.</param>
public readonly record struct CheckFinding(CheckFindingId Id, string Text)
{
    /// <summary>True where the peer prints its own name and a colon before the text.</summary>
    public bool HasProgramPrefix { get; init; }

    public override string ToString() => Text;
}
