using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>A batch of L2 tables, read and scanned. Filled by one thread, then read by another.</summary>
internal sealed record L2BatchScan(L1Batch Batch, L2ScanLog Log) : IDisposable
{
    /// <summary>Bytes of L2 tables that are read and scanned together.</summary>
    private const int BatchBytes = 1 << 19;

    /// <summary>L2 tables that are read and scanned together.</summary>
    public static int BatchTables(Geometry geometry) => Math.Max(1, BatchBytes >> geometry.ClusterBits);

    /// <summary>Reads and scans; tables that cannot be read are events.</summary>
    public static async ValueTask<L2BatchScan> RunAsync(CheckContext context, L1Batch batch, bool repairs)
    {
        using L2TableBatch tables = await L2TableBatch.ReadAsync(context, batch.TableOffsets).ConfigureAwait(false);
        var log = new L2ScanLog();
        var scanner = new L2TableScanner(context, log, repairs);
        for (int i = 0; i < batch.Entries.Count; i++)
        {
            if (tables.ErrorOf(i) is { } error)
            {
                log.AddEvent(new L2ScanEvent(L2ScanEventKind.Unreadable) { Error = error });
                log.EndTable();
            }
            else
            {
                scanner.Scan(tables.TableOf(i));
            }
        }

        return new L2BatchScan(batch, log);
    }

    public void Dispose() => Log.Dispose();
}
