using Byre.Block.Graph;
using Byre.Qcow2.Check;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Io;

/// <content>Checks: the checker works on the file itself, between two flushes of the engine's.</content>
internal sealed partial class Qcow2Node : ICheckableImage
{
    /// <inheritdoc/>
    public async ValueTask<CheckReport> CheckAsync(CheckOptions options, CancellationToken cancellation = default)
    {
        ThrowIfUnusable();
        if (!IsReadOnly)
            await FlushAllSignallingAsync(cancellation).ConfigureAwait(false);
        if (options.Repair == RepairMode.None)
        {
            return await ImageChecker.CheckAsync(_file, _tables.Header, options, cancellation)
                .ConfigureAwait(false);
        }

        bool isReloaded = false;
        try
        {
            CheckReport report = await RepairAsync(options, cancellation).ConfigureAwait(false);
            isReloaded = true;
            return report;
        }
        finally
        {
            // A repair that ends midway may have moved any table: what is in memory says nothing any more.
            _isUnusable |= !isReloaded;
        }
    }

    private async ValueTask<CheckReport> RepairAsync(CheckOptions options, CancellationToken cancellation)
    {
        CheckReport report = await ImageChecker.CheckAsync(_file, _tables.Header, options, cancellation)
            .ConfigureAwait(false);
        // Everything is read again, strictly only once the image is clean.
        bool isClean = report.Corruptions == 0 && report.CheckErrors == 0;
        HeaderParsing parsing = isClean && (OpenedFlags & OpenFlags.Check) == 0
            ? HeaderParsing.ForUse : HeaderParsing.ForCheck;
        _tables.Header = await HeaderReader.ReadAsync(_file, parsing, cancellation).ConfigureAwait(false);
        await LoadTablesAsync(cancellation).ConfigureAwait(false);
        return report;
    }
}
