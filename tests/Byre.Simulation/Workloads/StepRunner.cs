using Byre.Block.Errors;

namespace Byre.Simulation.Workloads;

/// <summary>Makes the request of a workload's step. Where it goes depends on the step and its place alone.</summary>
internal sealed class StepRunner(DiskSession session)
{
    private readonly DiskConfiguration _configuration = session.Configuration;
    private readonly int _cluster = session.Configuration.SectorsPerCluster;

    /// <summary>Runs one step; false where this image cannot do it.</summary>
    public bool TryRun(WorkloadStep step, int place)
    {
        try
        {
            return TryStart(step, place, out ValueTask request) && End(request);
        }
        catch (BlockException)
        {
            return false;
        }
    }

    private static bool End(ValueTask request)
    {
        Synchronous.Run(request);
        return true;
    }

    private bool TryStart(WorkloadStep step, int place, out ValueTask request)
    {
        int count = session.Snapshots.Count;
        ValueTask? started = step switch
        {
            WorkloadStep.InPlaceWrite => Write(0, _cluster / 2, 1),
            WorkloadStep.AllocatingWrite => Free(40, place) is { } free ? Write(free, _cluster / 2, 1) : null,
            WorkloadStep.NewTableWrite => NewTable(place),
            WorkloadStep.CrossClusterWrite => Write(1, _cluster / 2, (3 * _cluster) + 1),
            WorkloadStep.CompressedWrite => Compressed(place),
            WorkloadStep.Zeroes => session.ZeroAsync(_cluster > 16 ? 1 : 0, 2 * _cluster, mayUnmap: false),
            WorkloadStep.ZeroesUnmap => session.ZeroAsync(4 * _cluster, 2 * _cluster, mayUnmap: true),
            WorkloadStep.Discard => Discard(),
            WorkloadStep.Flush => session.FlushAsync(),
            WorkloadStep.SnapshotCreate =>
                !_configuration.CanSnapshot ? null : session.CreateSnapshotAsync($"s{place}"),
            WorkloadStep.SnapshotApply => count == 0 ? null : session.ApplySnapshotAsync(count - 1),
            WorkloadStep.SnapshotDelete => count == 0 ? null : session.DeleteSnapshotAsync(count - 1),
            WorkloadStep.Grow => session.ResizeAsync(session.Current.Length + (2 * _cluster)),
            WorkloadStep.GrowL1 => session.ResizeAsync(session.Current.Length + TableSectors),
            _ => session.ResizeAsync(session.Current.Length / 2 / _cluster * _cluster),
        };
        request = started ?? default;
        return started is not null;
    }

    /// <summary>Sectors that one L2 table maps.</summary>
    private int TableSectors => _configuration.ClusterBytes / (_configuration.ExtendedL2 ? 16 : 8) * _cluster;

    /// <summary>A cluster that nothing was written to: <paramref name="from"/>, or near the end of a small or full
    /// disk; null where the disk has become too small.</summary>
    private int? Free(int from, int place)
    {
        int last = (session.Current.Length / _cluster) - 8;
        int cluster = (_configuration.FilledFileClusters > 0 ? last : Math.Min(from, last)) + place;
        return cluster >= 0 ? cluster : null;
    }

    private ValueTask Write(int cluster, int offset, int count) =>
        session.WriteAsync((cluster * _cluster) + offset, count, compressed: false);

    /// <summary>Two clusters; with subclusters a part of the one before them, too.</summary>
    private ValueTask Discard()
    {
        int cut = _configuration.ExtendedL2 ? 3 * _configuration.SectorsPerSubcluster : 0;
        return session.DiscardAsync(_cluster - cut, (2 * _cluster) + cut);
    }

    private ValueTask? Compressed(int place)
    {
        if (_configuration.HasDataFile || Free(50, place) is not { } free)
            return null;
        return session.WriteAsync((free + 3) * _cluster, _cluster, compressed: true);
    }

    private ValueTask? NewTable(int place)
    {
        int sector = (TableSectors * (1 + (place % 2))) + 1;
        return sector < session.Current.Length ? session.WriteAsync(sector, 1, compressed: false) : null;
    }
}
