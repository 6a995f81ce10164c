using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>Tells of the bytes of metadata that a check has read. Used by one thread at a time.</summary>
internal sealed class CheckProgress(ProgramContext context) : IProgress<long>, IDisposable
{
    private readonly ProgressPrinter _printer = new(context, ProgressMode.Json, leastStep: 1f, "check");

    public void Report(long value) => _printer.ReportBytes(value);

    public void Dispose()
    {
        _printer.End();
        _printer.Dispose();
    }
}
