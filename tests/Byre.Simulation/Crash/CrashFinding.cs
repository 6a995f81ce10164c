using Byre.Simulation.Workloads;

namespace Byre.Simulation.Crash;

/// <summary>An image that a crash can leave and that breaks the promise.</summary>
/// <param name="Configuration">The image.</param>
/// <param name="Workload">What was done.</param>
/// <param name="Moment">The moment of the crash, and which part of what was not durable arrived.</param>
/// <param name="Text">What is wrong.</param>
public sealed record CrashFinding(DiskConfiguration Configuration, string Workload, string Moment, string Text)
{
    /// <summary>What to say and how to see it again.</summary>
    public override string ToString() => $"BYRE_CRASH='{Configuration.Name}:{Workload}' {Moment}: {Text}";
}
