namespace Byre.Conformance.Tests.Programs;

/// <summary>flush, aio_flush.</summary>
public sealed record BarrierStep(string Verb) : IoStep
{
    public override string Command => Verb;
}
