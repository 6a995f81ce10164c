using System.Diagnostics;
using System.Text;
using Byre.Cli.Shared;
using Byre.Qcow2.Check;

namespace Byre.Cli.QemuImg;

/// <summary>
/// Prints the findings of a check to standard error: at once while they are few, many lines at a time when they come in
/// floods, for a system call a line would take longer than the check. Belongs to one thread at a time.
/// </summary>
internal sealed class FindingPrinter(ProgramContext context)
{
    private const int MaxHeldChars = 32 << 10;
    private static readonly TimeSpan MaxHeldTime = TimeSpan.FromMilliseconds(50);

    private readonly StringBuilder _held = new();
    private long _lastFlush;

    public void Print(CheckFinding finding)
    {
        if (finding.HasProgramPrefix)
            _held.Append(context.ProgramName).Append(": ");
        _held.Append(finding.Text).Append('\n');
        if (_held.Length >= MaxHeldChars || Stopwatch.GetElapsedTime(_lastFlush) >= MaxHeldTime)
            Flush();
    }

    /// <summary>Prints what is held back; to be called before anything else is printed, and at the end.</summary>
    public void Flush()
    {
        if (_held.Length > 0)
            context.Errors.Write(_held.ToString());
        _held.Clear();
        _lastFlush = Stopwatch.GetTimestamp();
    }
}
