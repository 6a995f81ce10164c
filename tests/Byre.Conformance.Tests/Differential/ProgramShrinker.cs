using System.Diagnostics;
using Byre.Conformance.Tests.Programs;

namespace Byre.Conformance.Tests.Differential;

/// <summary>Makes a failing program smaller by leaving out steps as long as it still fails. Stateless.</summary>
internal static class ProgramShrinker
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(30);

    /// <summary>The smallest failing program found in time.</summary>
    public static GuestProgram Shrink(GuestProgram program, Func<GuestProgram, bool> fails)
    {
        long started = Stopwatch.GetTimestamp();
        bool smaller = true;
        while (smaller)
        {
            smaller = false;
            for (int phase = program.Phases.Count - 1; phase >= 0; phase--)
            {
                for (int step = program.Phases[phase].Count - 1; step >= 0; step--)
                {
                    if (Stopwatch.GetElapsedTime(started) > Budget)
                        return program;
                    if (program.Without(phase, step) is not { } candidate || !fails(candidate))
                        continue;
                    program = candidate;
                    smaller = true;
                }
            }
        }

        return program;
    }
}
