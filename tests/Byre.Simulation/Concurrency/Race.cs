using Byre.Block.Errors;
using Byre.Simulation.Workloads;

namespace Byre.Simulation.Concurrency;

/// <summary>A few requests in flight together, completed in the order of a seed; then all is read back.</summary>
internal sealed class Race(DiskStart start, SessionSettings settings, int seed)
{
    /// <summary>Runs the requests that <paramref name="begin"/> makes; what a read then shows wrong, or null.</summary>
    public string? Run(Func<DiskSession, IReadOnlyList<Func<ValueTask>>> begin)
    {
        string? finding = null;
        var thread = new Thread(() => finding = RunAlone(begin));
        thread.Start();
        thread.Join();
        return finding;
    }

    private string? RunAlone(Func<DiskSession, IReadOnlyList<Func<ValueTask>>> begin)
    {
        var scheduler = new DeterministicScheduler(seed);
        var random = new Random(seed);
        DiskSession session = DiskSession.Open(
            start, settings with { Schedule = scheduler, Scheduler = scheduler });
        scheduler.IsActive = true;
        var running = new List<Task>();
        foreach (Func<ValueTask> request in begin(session))
        {
            running.Add(request().AsTask());
            for (int steps = random.Next(8); steps > 0; steps--)
                scheduler.RunNext();
        }

        Drain(scheduler, running);
        Task<string?> read = session.ReadAsync(0, session.Current.Length).AsTask();
        Drain(scheduler, [read]);
        return read.Result;
    }

    private static void Drain(DeterministicScheduler scheduler, List<Task> running)
    {
        while (running.Any(static task => !task.IsCompleted))
            Invariant.That(scheduler.RunNext());
    }
}
