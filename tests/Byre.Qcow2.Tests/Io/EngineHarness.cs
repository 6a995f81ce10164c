using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Create;

namespace Byre.Qcow2.Tests.Io;

/// <summary>An image in memory, the node that is open on it, and what a guest should see.</summary>
internal sealed class EngineHarness : IDisposable
{
    private readonly MemoryNode? _backing;

    public EngineHarness(Qcow2CreateOptions options, byte[]? backing = null)
    {
        Options = options;
        Expected = new byte[options.SizeBytes];
        File = new MemoryNode();
        if (backing is null)
            return;
        _backing = new MemoryNode();
        Run(_backing.WriteAsync(0, backing));
        backing.AsSpan(0, Math.Min(backing.Length, Expected.Length)).CopyTo(Expected);
    }

    public Qcow2CreateOptions Options { get; }

    public MemoryNode File { get; }

    public byte[] Expected { get; set; }

    public Qcow2Node Node { get; private set; } = null!;

    /// <summary>What was done, for failures.</summary>
    public List<string> Log { get; } = [];

    /// <summary>Slices of the caches: small ones make evictions happen.</summary>
    public int L2Slices { get; set; } = 2;

    /// <summary>Changes the options that the node is opened with.</summary>
    public Func<MetadataOptions, MetadataOptions> Adjust { get; init; } = static options => options;

    public static void Run(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    public static T Run<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();

    /// <summary>For requests that complete at once: no task is made.</summary>
    public static void RunNow(ValueTask task)
    {
        Assert.True(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }

    public void Create() => Run(ImageCreator.WriteEmptyAsync(File, Options, CancellationToken.None));

    public void Open() => Open(File);

    /// <summary>Opens the image through a node over the file.</summary>
    public void Open(BlockNode file)
    {
        byte[] header = new byte[Options.ClusterSizeBytes];
        Run(File.ReadAsync(0, header));
        int sliceBytes = Math.Min(512, Options.ClusterSizeBytes);
        var context = new Qcow2OpenContext
        {
            Driver = new StubDriver(),
            File = file,
            Header = HeaderCodec.Parse(header),
            Flags = OpenFlags.ReadWrite | OpenFlags.Unmap,
            Options = Adjust(new MetadataOptions
            {
                L2SliceBytes = sliceBytes,
                L2Slices = L2Slices,
                RefcountSliceBytes = sliceBytes,
                RefcountSlices = 4,
                LazyRefcounts = Options.LazyRefcounts,
            }),
        };
        Node = Run(Qcow2Node.OpenAsync(context, CancellationToken.None));
        Node.ReplaceBacking(_backing);
    }

    public void Close() => Run(Node.DisposeAsync());

    public void Dispose() => Run(_backing?.DisposeAsync() ?? default);

    /// <summary>The guest fills a range with a byte.</summary>
    public void Write(int offset, int length, byte value)
    {
        Expected.AsSpan(offset, length).Fill(value);
        Run(Node.WriteAsync(offset, Expected.AsMemory(offset, length)));
    }

    /// <summary>The disk is as expected, and the image sound once it is closed.</summary>
    public void End()
    {
        Verify("at the end");
        Close();
        Check("closed");
    }

    public void Verify(string what)
    {
        byte[] actual = new byte[Expected.Length];
        Run(Node.ReadAsync(0, actual));
        int differs = actual.AsSpan().CommonPrefixLength(Expected);
        Assert.True(differs == Expected.Length, $"{what}: bytes differ at 0x{differs:x} after {string.Join(' ', Log)}");
    }

    public void Check(string what)
    {
        byte[] bytes = new byte[Options.ClusterSizeBytes];
        Run(File.ReadAsync(0, bytes));
        var findings = new List<string>();
        CheckReport report = Run(ImageChecker.CheckAsync(
            File, HeaderCodec.Parse(bytes),
            new CheckOptions { OnFinding = f => findings.Add(f.Text), Parallelism = 1 }));
        Assert.True(report.IsClean, $"{what}: {string.Join("; ", findings)}");
    }
}

/// <summary>A driver that opens nothing.</summary>
internal sealed class StubDriver : BlockDriver
{
    public override string Name => "qcow2";

    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation) =>
        throw BlockException.NotSupported("stub");
}
