using Byre.Durability.Tests.Kills;
using Byre.Durability.Tests.Support;
using Xunit.Abstractions;

namespace Byre.Durability.Tests;

/// <summary>
/// Commands that change images are killed before their first, second, ... n-th write, hole punch, truncation or flush:
/// the image holds what it held, or what the command makes of it, and its metadata is consistent.
/// </summary>
public sealed class CommandKillTests(ITestOutputHelper output)
{
    private const int SampledKillsPerCase = 2;

    [ProgramFact]
    public void Commands_may_be_killed_at_any_call()
    {
        if (!KilledCommand.IsPossible)
        {
            Assert.False(Settings.IsContinuousIntegration, "strace is missing, or may not trace");
            output.WriteLine("skipped: no strace, or it may not trace");
            return;
        }

        int kills = 0;
        Parallel.ForEach(CommandCase.All, new ParallelOptions { MaxDegreeOfParallelism = 2 }, one =>
        {
            var random = new Random(Settings.Seed ^ one.Name.Length);
            using var image = new KilledCommandImage(one);
            foreach ((string call, int number) in Choose(random))
            {
                // Beyond the last call: that kind has been tried to its end.
                for (int at = number; at > 0; at = Settings.Soak > TimeSpan.Zero ? at + 1 : at / 2)
                {
                    if (image.Kill(call, at))
                    {
                        Interlocked.Increment(ref kills);
                        if (Settings.Soak <= TimeSpan.Zero)
                            break;
                    }
                    else if (Settings.Soak > TimeSpan.Zero)
                    {
                        break;
                    }
                }
            }
        });
        output.WriteLine($"# commands killed at a call: {kills}");
    }

    /// <summary>With a soak budget every call from the first on; else some.</summary>
    private static IEnumerable<(string Call, int Number)> Choose(Random random)
    {
        if (Settings.Soak > TimeSpan.Zero)
            return KilledCommand.Calls.Select(call => (call, 1));
        return Enumerable.Range(0, SampledKillsPerCase).Select(
            i => (KilledCommand.Calls[i == 0 ? 0 : random.Next(KilledCommand.Calls.Count)], random.Next(1, 12)));
    }
}
