using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Qcow2.Tests.Io;

/// <summary>
/// Makes requests at random, up to 32 at a time, and keeps an array of what the disk shows. No two requests in flight
/// share a byte, so the array changes when a request begins. Snapshots are made, applied and deleted in between, with
/// nothing in flight.
/// </summary>
internal sealed class ParallelProgram(BlockNode node, byte[] model, int clusterBytes, Random random)
{
    private const int Sector = 512;
    private const int MostInFlight = 32;

    private readonly List<(Task Task, int From, int To)> _running = [];
    private readonly List<(string Name, byte[] Content)> _snapshots = [];
    private readonly HashSet<int> _present = [];
    private int _names;

    public bool Discards { get; init; } = true;

    /// <summary>Which sessions of the same image came before: only clusters that nobody used are compressed.</summary>
    public ParallelProgram? Before
    {
        init => _present.UnionWith(value?._present ?? []);
    }

    public async Task RunAsync(int requests)
    {
        for (int i = 0; i < requests; i++)
        {
            if (i % 100 == 99)
                await ChangeSnapshotsAsync();
            else
                await StartOneAsync();
        }

        await DrainAsync();
        while (_snapshots.Count > 0)
            await DeleteSnapshotAsync();
        await ReadAsync(0, model.Length);
    }

    private async Task StartOneAsync()
    {
        int kind = random.Next(12);
        bool isWhole = kind is 5 or 6 or 7;
        (int from, int to) = isWhole ? Clusters(kind == 5 ? 1 : 3) : Sectors();
        while (_running.Count >= MostInFlight || _running.Exists(other => other.From < to && from < other.To))
            await TakeFinishedAsync();
        bool isFirst = kind < 10 && Occupy(from, to);
        Task task = kind switch
        {
            < 5 => WriteAsync(from, to, RequestFlags.None),
            5 => WriteAsync(from, to, isFirst ? RequestFlags.Compressed : RequestFlags.None),
            6 or 7 => Discards ? DiscardAsync(from, to) : WriteAsync(from, to, RequestFlags.None),
            8 => ZeroAsync(from, to, RequestFlags.MayUnmap),
            9 => ZeroAsync(from, to, RequestFlags.None),
            10 => random.Next(4) == 0 ? node.FlushAsync().AsTask() : ReadAsync(from, to),
            _ => ReadAsync(from, to),
        };
        _running.Add((task, from, to));
    }

    private async Task TakeFinishedAsync()
    {
        await Task.WhenAny(_running.Select(running => running.Task));
        for (int i = _running.Count - 1; i >= 0; i--)
        {
            if (!_running[i].Task.IsCompleted)
                continue;
            await _running[i].Task;
            _running.RemoveAt(i);
        }
    }

    private async Task DrainAsync()
    {
        while (_running.Count > 0)
            await TakeFinishedAsync();
    }

    /// <summary>Notes which clusters are used; false where one of them was before.</summary>
    private bool Occupy(int from, int to)
    {
        bool isFirst = true;
        for (int cluster = from / clusterBytes; cluster <= (to - 1) / clusterBytes; cluster++)
            isFirst &= _present.Add(cluster);
        return isFirst;
    }

    private Task WriteAsync(int from, int to, RequestFlags flags)
    {
        byte[] data = new byte[to - from];
        random.NextBytes(data.AsSpan(0, data.Length / 2));
        data.CopyTo(model.AsSpan(from));
        return node.WriteAsync(from, data, flags).AsTask();
    }

    private Task DiscardAsync(int from, int to)
    {
        model.AsSpan(from, to - from).Clear();
        return node.DiscardAsync(ByteRange.FromEnd(from, to)).AsTask();
    }

    private Task ZeroAsync(int from, int to, RequestFlags flags)
    {
        model.AsSpan(from, to - from).Clear();
        return node.WriteZeroesAsync(ByteRange.FromEnd(from, to), flags).AsTask();
    }

    private Task ReadAsync(int from, int to)
    {
        byte[] expected = model[from..to];
        return CompareAsync();

        async Task CompareAsync()
        {
            byte[] bytes = new byte[expected.Length];
            await node.ReadAsync(from, bytes);
            int wrong = bytes.AsSpan().CommonPrefixLength(expected);
            Assert.True(wrong == bytes.Length, $"read {from}+{bytes.Length} is wrong at {from + wrong}");
        }
    }

    private async Task ChangeSnapshotsAsync()
    {
        await DrainAsync();
        var store = (ISnapshotStore)node;
        int kind = _snapshots.Count == 0 ? 0 : random.Next(3);
        if (kind == 0)
        {
            string name = $"s{_names++}";
            await store.CreateSnapshotAsync(new SnapshotInfo("", name));
            _snapshots.Add((name, [.. model]));
        }
        else if (kind == 1)
        {
            (string name, byte[] content) = _snapshots[random.Next(_snapshots.Count)];
            await store.ApplySnapshotAsync(name);
            content.CopyTo(model, 0);
        }
        else
        {
            await DeleteSnapshotAsync();
        }
    }

    private async Task DeleteSnapshotAsync()
    {
        (string name, byte[] content) = _snapshots[^1];
        ImageInfo info = await node.GetImageInfoAsync();
        string id = info.Snapshots.Single(snapshot => snapshot.Name == name).Id;
        await ((ISnapshotStore)node).DeleteSnapshotAsync(id, name);
        _snapshots.RemoveAt(_snapshots.Count - 1);
        Assert.Equal(model.Length, content.Length);
    }

    private (int From, int To) Sectors()
    {
        int sectors = model.Length / Sector;
        int first = random.Next(sectors);
        int most = random.Next(8) == 0 ? 3 * clusterBytes / Sector : Math.Max(8, clusterBytes / Sector / 4);
        int count = 1 + random.Next(Math.Min(most, sectors - first));
        return (first * Sector, (first + count) * Sector);
    }

    private (int From, int To) Clusters(int most)
    {
        int clusters = model.Length / clusterBytes;
        int first = random.Next(clusters);
        int count = 1 + random.Next(Math.Min(most, clusters - first));
        return (first * clusterBytes, (first + count) * clusterBytes);
    }
}
