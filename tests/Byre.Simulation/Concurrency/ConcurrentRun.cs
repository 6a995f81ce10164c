using Byre.Block.Errors;
using Byre.Simulation.Crash;
using Byre.Simulation.Workloads;

namespace Byre.Simulation.Concurrency;

/// <summary>
/// One run of requests that race each other, everything by one seed: what is asked for, what completes next, what
/// fails, and when the power goes. Reads are compared with the reference disk as they end; of the crashes a sample is
/// examined.
/// </summary>
internal sealed class ConcurrentRun
{
    private const int Requests = 60;
    private const int InFlight = 6;

    private readonly DiskStart _start;
    private readonly CrashTally _tally;
    private readonly Random _random;
    private readonly DeterministicScheduler _scheduler;
    private readonly SessionSettings _settings;
    private readonly List<(string Name, Task<string?> Task)> _running = [];
    private readonly int _seed;
    private readonly bool _fails;

    public ConcurrentRun(DiskStart start, SessionSettings settings, CrashTally tally, int seed)
    {
        (_start, _tally, _seed) = (start, tally, seed);
        _random = new Random(seed);
        _scheduler = new DeterministicScheduler(_random.Next());
        _fails = _random.Next(3) == 0;
        _settings = settings with { Schedule = _scheduler, Scheduler = _scheduler, KeepsFailed = true };
    }

    /// <summary>Requests that ended, for the count.</summary>
    public int Ended { get; private set; }

    /// <summary>What it ran on: to look at when something was wrong.</summary>
    public DiskSession? Session { get; private set; }

    /// <summary>Runs it; what is wrong, or null.</summary>
    public CrashFinding? Run()
    {
        // On a thread without a context or a scheduler of somebody else's, where what goes on would go on elsewhere.
        CrashFinding? finding = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                finding = RunAlone();
            }
            catch (Exception caught)
            {
                failure = caught;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? finding : throw new InvalidOperationException($"seed {_seed}", failure);
    }

    private CrashFinding? RunAlone()
    {
        DiskSession session = DiskSession.Open(_start, _settings);
        Session = session;
        _scheduler.IsActive = true;
        if (_fails)
            _scheduler.FailsOneIn = 40 + _random.Next(200);
        string? finding;
        try
        {
            finding = Race(session) ?? (_random.Next(2) == 0 ? Close(session) : null);
        }
        catch (InvariantException failure)
        {
            finding = failure.ToString();
        }

        if (finding is not null)
            return new CrashFinding(_start.Configuration, $"seed={_seed}", $"moment {session.Log.Now}", finding);
        _tally.NoteWorkload();
        var explorer = new CrashExplorer(_start, SessionSettings.Plain, _tally)
        {
            Limits = new CrashLimits { SubsetsUpTo = 2, TearsPerWrite = 1, RandomPicks = 1, MomentsOneIn = 12 },
        };
        int before = _tally.Findings.Count;
        explorer.Examine(session, 0, $"seed={_seed}");
        return _tally.Findings.Count > before ? _tally.Findings.Last() : null;
    }

    private string? Race(DiskSession session)
    {
        var program = new RandomProgram(session, _random.Next());
        for (int started = 0; started < Requests;)
        {
            if (_running.Count < InFlight && _random.Next(3) == 0)
            {
                Task<string?> task = Start(program);
                _running.Add((program.Last, task));
                started++;
            }
            else if (!_scheduler.RunNext() && _running.Count >= InFlight)
            {
                return Hang();
            }

            if (Reap() is { } finding)
                return finding;
        }

        // Half the runs lose the power with requests in flight.
        return _random.Next(2) == 0 ? null : Drain();
    }

    private static Task<string?> Start(RandomProgram program)
    {
        try
        {
            return program.Next().AsTask();
        }
        catch (BlockException failure)
        {
            return Task.FromException<string?>(failure);
        }
    }

    private string? Drain()
    {
        while (_running.Count > 0)
        {
            if (!_scheduler.RunNext() && _running.All(static one => !one.Task.IsCompleted))
                return Hang();
            if (Reap() is { } finding)
                return finding;
        }

        return null;
    }

    private string? Close(DiskSession session)
    {
        if (Drain() is { } finding)
            return finding;
        _running.Add(("close", CloseAsync(session).AsTask()));
        return Drain();
    }

    private static async ValueTask<string?> CloseAsync(DiskSession session)
    {
        await session.CloseAsync().ConfigureAwait(false);
        return null;
    }

    private string Hang() => "nothing goes on, but requests wait: " +
        string.Join(' ', _running.Select(static one => one.Name));

    /// <summary>A refusal, or the failure of a device; never a verdict on the image.</summary>
    private static bool IsExpected(Exception failure) =>
        failure is BlockException { Kind: not BlockErrorKind.CorruptImage };

    private string? Reap()
    {
        for (int i = _running.Count - 1; i >= 0; i--)
        {
            (string name, Task<string?> task) = _running[i];
            if (!task.IsCompleted)
                continue;
            _running.RemoveAt(i);
            Ended++;
            if (task.Exception?.InnerException is { } failure && !IsExpected(failure))
                return $"{name}: {failure}";
            if (task.IsCompletedSuccessfully && task.Result is { } finding)
                return $"{name}: {finding}";
        }

        return null;
    }
}
