namespace Byre.Conformance.Tests.Programs;

/// <summary>Reads and compares with a byte; what comes out is compared between the tools.</summary>
public sealed record ReadStep(long Offset, long Length, byte Pattern) : IoStep
{
    public override string Command => $"read -P {Pattern} {Offset} {Length}";
}
