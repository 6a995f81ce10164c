using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>Turns the bytes of metadata that a check has read into progress. Used by one thread at a time.</summary>
internal sealed class CheckProgress(ProgramContext context, ProgressMode mode, long totalBytes) : IProgress<long>, IDisposable
{
    private readonly ProgressPrinter _printer = new(context, mode, leastStep: 1f, "check");

    public void Report(long value) => _printer.Report(Math.Min(value, totalBytes), totalBytes);

    public void Dispose()
    {
        _printer.End();
        _printer.Dispose();
    }
}
