using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Cli.Shared;

/// <summary>
/// Tells of a long command's progress. With <c>-p</c> on standard output: " (12.50/100%)" and a carriage return,
/// flushed, whenever it moved by more than the least step, and always at 0 and 100; with <c>--progress=json</c>
/// objects with phase, done and total bytes, rate (bytes a second) and ETA (seconds); silent otherwise, when SIGUSR1
/// makes it print one line to standard error. Not thread-safe, except for the signal.
/// </summary>
internal sealed class ProgressPrinter : IDisposable
{
    private const int SignalUser1 = 10;
    private const long JsonIntervalMilliseconds = 200;

    private readonly ProgramContext _context;
    private readonly ProgressMode _mode;
    private readonly float _leastStep;
    private readonly string _phase;
    private readonly PosixSignalRegistration? _registration;
    private readonly long _started = Stopwatch.GetTimestamp();
    private volatile bool _asked;
    private float _current;
    private float _lastPrinted;
    private long _lastJson = -JsonIntervalMilliseconds;

    /// <param name="context">The streams.</param>
    /// <param name="mode">What to print.</param>
    /// <param name="leastStep">Percent points between two prints.</param>
    /// <param name="phase">What is being done, for JSON: "convert".</param>
    public ProgressPrinter(ProgramContext context, ProgressMode mode, float leastStep, string phase)
    {
        _context = context;
        _mode = mode;
        _leastStep = leastStep;
        _phase = phase;
        if (mode == ProgressMode.Silent)
            _registration = PosixSignalRegistration.Create((PosixSignal)SignalUser1, OnSignal);
    }

    /// <summary>Parses the argument of <c>--progress</c>.</summary>
    /// <exception cref="BlockException">It is neither "json" nor "human".</exception>
    public static ProgressMode ParseMode(string text) => text switch
    {
        "json" => ProgressMode.Json,
        "human" => ProgressMode.Line,
        _ => throw BlockException.Invalid("--progress must be used with human or json as argument."),
    };

    /// <summary>Percent done; the absolute value.</summary>
    public void Print(float percent) => Print(percent, done: -1, total: -1);

    /// <summary>
    /// Percent done since the last call, of a step that is <paramref name="shareOfWhole"/> percent of the whole.
    /// </summary>
    public void Advance(float percent, int shareOfWhole) => Print(_current + (percent / 100 * shareOfWhole));

    /// <summary>Bytes done of all bytes.</summary>
    public void Report(long doneBytes, long totalBytes) =>
        Print(totalBytes == 0 ? 100f : (float)doneBytes / totalBytes * 100f, doneBytes, totalBytes);

    /// <summary>Bytes done of a work whose size is not known; told in JSON only.</summary>
    public void ReportBytes(long doneBytes)
    {
        if (_mode == ProgressMode.Json && Environment.TickCount64 - _lastJson >= JsonIntervalMilliseconds)
            PrintJson(doneBytes, total: -1);
    }

    /// <summary>The command is over: ends the line.</summary>
    public void End()
    {
        if (_mode == ProgressMode.Line)
            _context.Out.Write("\n"u8);
    }

    public void Dispose() => _registration?.Dispose();

    private void Print(float percent, long done, long total)
    {
        _current = Math.Min(percent, 100f);
        bool moved = _current > _lastPrinted + _leastStep || _current < _lastPrinted - _leastStep;
        if (!moved && _current is not (100f or 0f))
        {
            PrintIfAsked();
            return;
        }

        _lastPrinted = _current;
        if (_mode == ProgressMode.Line)
        {
            _context.Out.Write($"    ({HumanSize.Fixed(_current, 2)}/100%)\r");
            _context.Out.Flush();
        }
        else if (_mode == ProgressMode.Json)
        {
            if (_current is 100f or 0f || Environment.TickCount64 - _lastJson >= JsonIntervalMilliseconds)
                PrintJson(done, total);
        }
        else
        {
            PrintIfAsked();
        }
    }

    private void PrintIfAsked()
    {
        if (!_asked)
            return;
        _asked = false;
        _context.Errors.Write($"    ({HumanSize.Fixed(_current, 2)}/100%)\n");
    }

    private void PrintJson(long done, long total)
    {
        _lastJson = Environment.TickCount64;
        double seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        double rate = seconds > 0 && done > 0 ? done / seconds : 0;
        string text = $"{{\"phase\": \"{_phase}\"";
        if (done < 0 || total >= 0)
            text += string.Create(CultureInfo.InvariantCulture, $", \"percent\": {_current:F2}");
        if (done >= 0)
            text += string.Create(CultureInfo.InvariantCulture, $", \"done\": {done}, \"rate\": {rate:F0}");
        if (total >= 0)
        {
            string eta = rate > 0 ? ((total - done) / rate).ToString("F1", CultureInfo.InvariantCulture) : "null";
            text += string.Create(CultureInfo.InvariantCulture, $", \"total\": {total}, \"eta\": {eta}");
        }

        _context.Out.Write(text + "}\n");
        _context.Out.Flush();
    }

    private void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        _asked = true;
    }
}
