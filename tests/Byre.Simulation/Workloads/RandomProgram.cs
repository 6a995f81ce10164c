namespace Byre.Simulation.Workloads;

/// <summary>Makes requests at random, by a seed: every kind, anywhere, short ones more often.</summary>
internal sealed class RandomProgram(DiskSession session, int seed)
{
    private readonly Random _random = new(seed);
    private readonly int _cluster = session.Configuration.SectorsPerCluster;
    private readonly HashSet<int> _compressed = [DiskStart.CompressedCluster];
    private int _snapshots;
    private bool _resizes;

    /// <summary>What may be chosen besides writes, reads, zeroes, discards and flushes.</summary>
    public bool ChangesStructure { get; init; } = true;

    /// <summary>The name of the last request.</summary>
    public string Last { get; private set; } = "";

    /// <summary>Makes one request; its result is a finding, or null.</summary>
    public ValueTask<string?> Next()
    {
        int kind = _random.Next(ChangesStructure ? 25 : 21);
        (int sector, int count) = Range();
        (int first, int clusters) = Clusters();
        Last = $"{kind}:{sector}+{count}/{first}+{clusters}";
        return kind switch
        {
            < 5 => Done(session.WriteAsync(sector, count, compressed: false)),
            < 9 => session.Configuration.HasDataFile
                ? Done(session.FlushAsync()) : Done(Compress(first)),
            < 11 => Done(session.ZeroAsync(sector, count, mayUnmap: true)),
            < 12 => Done(session.ZeroAsync(sector, count, mayUnmap: false)),
            < 14 => Done(Discard(first, clusters)),
            < 17 => Done(session.FlushAsync()),
            < 21 => session.ReadAsync(sector, count),
            < 23 => Snapshot(),
            < 24 => session.LookAtSnapshotsAsync(),
            _ => ResizeAsync(),
        };
    }

    private ValueTask Compress(int first)
    {
        _compressed.Add(first / _cluster);
        return session.WriteAsync(first, _cluster, compressed: true);
    }

    /// <summary>
    /// Whole clusters; with subclusters not always, but a part of a compressed cluster stays as it is.
    /// </summary>
    private ValueTask Discard(int first, int sectors)
    {
        int unit = session.Configuration.SectorsPerSubcluster;
        int head = _random.Next(_cluster / unit) * unit;
        int tail = _random.Next(_cluster / unit) * unit;
        bool isWhole = head + tail >= sectors || _random.Next(3) == 0 ||
            _compressed.Contains(first / _cluster) || _compressed.Contains((first + sectors - 1) / _cluster);
        return isWhole
            ? session.DiscardAsync(first, sectors)
            : session.DiscardAsync(first + head, sectors - head - tail);
    }

    private ValueTask<string?> Snapshot()
    {
        if (!session.Configuration.CanSnapshot)
            return default;
        int count = session.Snapshots.Count;
        return count < 2 || _random.Next(2) == 0
            ? Done(session.CreateSnapshotAsync($"r{_snapshots++}"))
            : Done(session.DeleteSnapshotAsync(_random.Next(count)));
    }

    /// <summary>One at a time: what a disk grows by depends on what it is.</summary>
    private async ValueTask<string?> ResizeAsync()
    {
        if (_resizes)
            return null;
        _resizes = true;
        try
        {
            int clusters = session.Configuration.Clusters;
            await session.ResizeAsync(_random.Next(clusters / 2, clusters) * _cluster).ConfigureAwait(false);
            return null;
        }
        finally
        {
            _resizes = false;
        }
    }

    private (int Sector, int Count) Range()
    {
        int total = session.Current.Length;
        int sector = _random.Next(total);
        int most = _random.Next(6) == 0 ? 6 * _cluster : Math.Max(2, _cluster / 2);
        return (sector, 1 + _random.Next(Math.Min(most, total - sector)));
    }

    private (int Sector, int Count) Clusters()
    {
        int total = session.Current.Length / _cluster;
        int cluster = _random.Next(total);
        return (cluster * _cluster, (1 + _random.Next(Math.Min(3, total - cluster))) * _cluster);
    }

    private static async ValueTask<string?> Done(ValueTask request)
    {
        await request.ConfigureAwait(false);
        return null;
    }
}
