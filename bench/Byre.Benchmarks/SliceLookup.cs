using BenchmarkDotNet.Attributes;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Benchmarks;

/// <summary>What finding a slice in a full metadata cache costs, and finding that it is not there.</summary>
public class SliceLookup : IDisposable
{
    private const int SliceBytes = 4096;

    private readonly MetadataLock _lock = new();
    private SliceCache _cache = null!;
    private HostOffset[] _present = [];
    private HostOffset[] _absent = [];

    [Params(2048)]
    public int Slices { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _cache = new SliceCache(SliceBytes, Slices, CompletionScheduler.ThreadPool);
        // Tables of 64 KiB lie where their data's allocation put them: one for each 8192 clusters, in runs.
        _present = [.. Enumerable.Range(1, Slices).Select(i => OffsetOf(i / 16, i % 16))];
        _absent = [.. Enumerable.Range(1, Slices).Select(i => OffsetOf((i / 16) + Slices, i % 16))];
        using (MetadataScope scope = _lock.Enter())
        {
            byte[] content = new byte[SliceBytes];
            foreach (HostOffset offset in _present)
                _cache.TryAdd(scope, offset, content);
        }

        new Random(1).Shuffle(_present);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _cache?.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark(OperationsPerInvoke = 2048)]
    public int Hit() => CountFound(_present);

    [Benchmark(OperationsPerInvoke = 2048)]
    public int Miss() => CountFound(_absent);

    private static HostOffset OffsetOf(int table, int slice) => new((table * 8192L << 16) + ((long)slice * SliceBytes));

    private int CountFound(HostOffset[] offsets)
    {
        int found = 0;
        using MetadataScope scope = _lock.Enter();
        foreach (HostOffset offset in offsets)
        {
            if (_cache.TryFind(scope, offset, out _))
                found++;
        }

        return found;
    }
}
