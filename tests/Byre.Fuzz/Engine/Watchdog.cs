using System.Diagnostics;

namespace Byre.Fuzz.Engine;

/// <summary>
/// Ends the process when one case takes too long, after it has said which: a hang is a finding too. One thread runs
/// cases, another one watches.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private readonly Timer _timer;
    private readonly TimeSpan _limit;
    private readonly Action<string> _report;
    private volatile string? _current;
    private long _startedAt;

    public Watchdog(TimeSpan limit, Action<string> report)
    {
        _limit = limit;
        _report = report;
        _timer = new Timer(_ => Look(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public void Start(string what)
    {
        Interlocked.Exchange(ref _startedAt, Stopwatch.GetTimestamp());
        _current = what;
    }

    public void Stop() => _current = null;

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        if (_current is { } what && Stopwatch.GetElapsedTime(Interlocked.Read(ref _startedAt)) > _limit)
            _report(what);
    }
}
