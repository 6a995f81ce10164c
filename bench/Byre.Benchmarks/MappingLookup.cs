using BenchmarkDotNet.Attributes;
using Byre.Block.Graph;
using Byre.Qcow2.Create;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Storage.Memory;

namespace Byre.Benchmarks;

/// <summary>From a guest offset to where it lies, with every L2 slice in the cache; and whole cached reads.</summary>
public class MappingLookup
{
    private const long DiskBytes = 1L << 30;
    private const int Lookups = 1024;

    private readonly byte[] _page = new byte[4096];
    private Qcow2Node _node = null!;
    private GuestOffset[] _pages = [];
    private int _next;

    [Params(false, true)]
    public bool ExtendedL2 { get; set; }

    [GlobalSetup]
    public async Task SetUp()
    {
        var options = new Qcow2CreateOptions { SizeBytes = DiskBytes, ExtendedL2 = ExtendedL2 };
        var file = new MemoryStorage();
        await ImageCreator.WriteEmptyAsync(file, options, CancellationToken.None).ConfigureAwait(false);
        byte[] header = new byte[options.ClusterSizeBytes];
        await file.ReadAsync(0, header).ConfigureAwait(false);
        _node = await Qcow2Node.OpenAsync(
            new Qcow2OpenContext
            {
                Driver = file.Driver,
                File = file,
                Header = HeaderCodec.Parse(header),
                Flags = OpenFlags.ReadWrite,
                Options = new MetadataOptions
                {
                    L2SliceBytes = 4096,
                    L2Slices = 128,
                    RefcountSliceBytes = 4096,
                    RefcountSlices = 16,
                },
            },
            CancellationToken.None).ConfigureAwait(false);
        byte[] data = new byte[1 << 20];
        new Random(1).NextBytes(data);
        for (long offset = 0; offset < DiskBytes; offset += 8L * data.Length)
            await _node.WriteAsync(offset, data).ConfigureAwait(false);
        var random = new Random(2);
        _pages = [.. Enumerable.Range(0, Lookups).Select(_ => PageOf(random, data.Length))];
    }

    [GlobalCleanup]
    public async Task CleanUp() => await _node.DisposeAsync().ConfigureAwait(false);

    [Benchmark(OperationsPerInvoke = Lookups)]
    public long Lookup()
    {
        long total = 0;
        ImageTables tables = _node.Tables;
        using MetadataScope scope = tables.Lock.Enter();
        foreach (GuestOffset page in _pages)
        {
            if (tables.Map.TryLookup(scope, page, _page.Length, out ClusterMapping mapping, out _))
                total += mapping.LengthBytes;
        }

        return total;
    }

    /// <summary>A read of one page from memory, from the request to its completion.</summary>
    [Benchmark]
    public ValueTask Read() => _node.ReadAsync(_pages[_next++ % Lookups].Value, _page);

    /// <summary>A write of one page in place.</summary>
    [Benchmark]
    public ValueTask WriteInPlace() => _node.WriteAsync(_pages[_next++ % Lookups].Value, _page);

    private static GuestOffset PageOf(Random random, int runBytes)
    {
        long run = random.NextInt64(DiskBytes / (8L * runBytes)) * 8 * runBytes;
        return new GuestOffset(run + (random.NextInt64(runBytes / 4096) * 4096));
    }
}
