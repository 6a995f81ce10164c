namespace Byre.Qcow2.Tests.Check;

/// <summary>What a run of <c>check</c> shows: exit status and what it prints.</summary>
internal sealed record CheckOutcome(int ExitStatus, string Output, string Errors)
{
    public override string ToString() => $"exit {ExitStatus}\n--- stdout\n{Output}--- stderr\n{Errors}";
}
