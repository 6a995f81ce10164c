using System.Diagnostics;
using Byre.Durability.Tests.Kills;
using Byre.Durability.Tests.Support;
using Xunit.Abstractions;

namespace Byre.Durability.Tests;

/// <summary>
/// Writers on real files are killed anywhere; what was flushed is there, and the metadata is consistent.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int RoundsPerImage = 12;

    [ProgramFact]
    public async Task Nothing_flushed_is_lost_when_the_writer_is_killed()
    {
        var statistics = new KillStatistics();
        long started = Stopwatch.GetTimestamp();
        int next = (Settings.Seed % 1_000_000) * 1000;
        if (Settings.Case is { } only)
        {
            for (int again = 0; again < 10; again++)
                await KillAsync(only, statistics);
        }
        else
        {
            using var stop = new CancellationTokenSource();
            Task[] workers = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Task.Run(async () =>
            {
                try
                {
                    while (!stop.IsCancellationRequested &&
                        (statistics.Kills < Settings.Kills || Stopwatch.GetElapsedTime(started) < Settings.Soak))
                        await KillAsync(Interlocked.Increment(ref next), statistics);
                }
                catch
                {
                    await stop.CancelAsync();
                    throw;
                }
            }))];
            await Task.WhenAll(workers);
        }

        output.WriteLine($"# {statistics}, in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s");
    }

    private static async Task KillAsync(int number, KillStatistics statistics)
    {
        using var image = new KilledImage(number, statistics);
        for (int round = 0; round < RoundsPerImage; round++)
            await image.RunAsync();
    }
}
