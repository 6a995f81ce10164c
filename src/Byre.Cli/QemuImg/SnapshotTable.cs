using System.Globalization;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>The table of internal snapshots in <c>info</c> and <c>snapshot -l</c>. Stateless.</summary>
internal static class SnapshotTable
{
    /// <summary>Prints heading and rows, each after <paramref name="indent"/>.</summary>
    public static void Print(StandardOutput output, IReadOnlyList<SnapshotInfo> snapshots, string indent)
    {
        output.WriteLine(indent + "Snapshot list:");
        output.WriteLine(indent + Row("ID", "TAG", "VM_SIZE", "DATE", "VM_CLOCK", "ICOUNT"));
        foreach (SnapshotInfo snapshot in snapshots)
        {
            DateTime date = DateTimeOffset.FromUnixTimeSeconds(snapshot.DateSeconds).LocalDateTime;
            output.WriteLine(indent + Row(
                snapshot.Id,
                snapshot.Name,
                HumanSize.Format(snapshot.VmStateBytes),
                date.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                Clock(snapshot.VmClockNanoseconds),
                snapshot.InstructionCount?.ToString(CultureInfo.InvariantCulture) ?? "--"));
        }
    }

    private static string Row(string id, string name, string size, string date, string clock, string count) =>
        $"{id,-7} {name,-16} {size,8} {date,19} {clock,15} {count,10}";

    private static string Clock(ulong nanoseconds)
    {
        ulong seconds = nanoseconds / 1_000_000_000;
        ulong milliseconds = nanoseconds / 1_000_000 % 1000;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{seconds / 3600:D4}:{seconds / 60 % 60:D2}:{seconds % 60:D2}.{milliseconds:D3}");
    }
}
