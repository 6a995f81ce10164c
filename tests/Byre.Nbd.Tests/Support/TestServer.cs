using System.Collections.Concurrent;
using System.Net.Sockets;
using Byre.Block.Graph;
using Byre.Block.Threading;
using Byre.Nbd.Server;
using Byre.Storage.IoUring;

namespace Byre.Nbd.Tests.Support;

/// <summary>A server in this process on a Unix socket, with its exports. Closes everything.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly BlockBackend[] _backends;

    private TestServer(BlockBackend[] backends, NbdServer server)
    {
        _backends = backends;
        Server = server;
        Path = _directory["s"];
        Listen();
    }

    public NbdServer Server { get; private set; }

    /// <summary>The socket.</summary>
    public string Path { get; }

    /// <summary>What the server told its log.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    public string Uri => UriOf("");

    /// <summary>All tests of the server run on both ways to wait for files: see <c>./test</c>.</summary>
    private static Func<SubmissionLoop?>? CreateLoop =>
        Environment.GetEnvironmentVariable("BYRE_AIO") == "threads" ? null : RingReactor.TryCreate;

    public string UriOf(string export) => $"nbd+unix:///{export}?socket={Path}";

    /// <summary>Serves memory.</summary>
    public static async Task<TestServer> StartAsync(
        long sizeBytes = 1 << 20, NbdServerOptions? options = null, bool isReadOnly = false) =>
        await StartAsync([("", await Images.OpenMemoryAsync(sizeBytes))], options, isReadOnly);

    public static Task<TestServer> StartAsync(
        (string Name, BlockNode Node)[] nodes, NbdServerOptions? options = null, bool isReadOnly = false) =>
        Task.FromResult(Start(
            [.. nodes.Select(node => new NbdExport(node.Name, new BlockBackend(node.Node), isReadOnly)
            {
                Description = "a disk",
                OffersAllocationDepth = true,
            })],
            options));

    /// <summary>Serves these; their nodes are the server's from now on.</summary>
    public static TestServer Start(NbdExport[] exports, NbdServerOptions? options = null)
    {
        TestServer? self = null;
        NbdServerOptions settings = (options ?? new NbdServerOptions()) with
        {
            CreateLoop = CreateLoop,
            Log = line => self!.Log.Enqueue(line),
        };
        self = new TestServer([.. exports.Select(export => export.Backend)], new NbdServer(exports, settings));
        return self;
    }

    /// <summary>A connection that speaks for itself.</summary>
    public RawClient Connect() => new(Path);

    /// <summary>The log once it has so many lines: a client sees its end before that is written.</summary>
    public async Task<string[]> ReadLogAsync(int lines)
    {
        for (int i = 0; i < 200 && Log.Count < lines; i++)
            await Task.Delay(10);
        Assert.Equal(lines, Log.Count);
        return [.. Log];
    }

    /// <summary>All clients are thrown out, and the socket is opened again after <paramref name="pause"/>.</summary>
    public async Task RestartAsync(TimeSpan pause)
    {
        NbdServer old = Server;
        old.Stop();
        await Task.Delay(pause);
        Server = new NbdServer(old.Exports, new NbdServerOptions { CreateLoop = CreateLoop, Log = Log.Enqueue });
        Listen();
    }

    public async ValueTask DisposeAsync()
    {
        Server.Dispose();
        foreach (BlockBackend backend in _backends)
            await backend.DisposeAsync();
        _directory.Dispose();
    }

    private void Listen()
    {
        File.Delete(Path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path));
        listener.Listen(128);
        Server.Listen(listener);
    }
}
