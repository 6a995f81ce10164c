using Byre.Block.Errors;
using Byre.Simulation.Workloads;

namespace Byre.Simulation.Crash;

/// <summary>One seeded program of random requests, one after the other, and a sample of the crashes in it.</summary>
internal sealed class LongProgram(DiskStart start, CrashTally tally, int seed)
{
    private const int Requests = 40;

    public void Run()
    {
        DiskSession session = DiskSession.Open(start, SessionSettings.Plain);
        var program = new RandomProgram(session, seed);
        for (int i = 0; i < Requests; i++)
        {
            if (Next(program) is { } finding)
                tally.Note(new CrashFinding(start.Configuration, $"seed={seed}", $"request {i}", finding));
        }

        Synchronous.Run(session.CloseAsync());
        tally.NoteWorkload();
        bool isLarge = start.Configuration.ClusterBytes > 4096;
        var explorer = new CrashExplorer(start, SessionSettings.Plain, tally)
        {
            Limits = new CrashLimits
            {
                SubsetsUpTo = isLarge ? 2 : 4,
                TearsPerWrite = isLarge ? 1 : 2,
                RandomPicks = 1,
                MomentsOneIn = isLarge ? 40 : 6,
            },
        };
        explorer.Examine(session, 0, $"seed={seed}");
    }

    private static string? Next(RandomProgram program)
    {
        try
        {
            return Synchronous.Run(program.Next());
        }
        catch (BlockException failure) when (failure.Kind != BlockErrorKind.CorruptImage)
        {
            // Refused: compressed data does not replace what is there, a version 2 disk with snapshots keeps its size.
            return null;
        }
    }
}
