namespace Byre.Conformance.Tests.Programs;

/// <summary>Gives a range up.</summary>
public sealed record DiscardStep(long Offset, long Length) : IoStep
{
    public override string Command => $"discard {Offset} {Length}";
}
