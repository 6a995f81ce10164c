using System.Net.Sockets;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Client;

/// <summary>
/// One connection to an export. Requests are sent by whoever makes them; a thread of the connection's own receives the
/// answers, in whatever order they come. After a failure every request that waits, and every later one, fails with
/// <see cref="ConnectionLostException"/>. Thread-safe.
/// </summary>
internal sealed partial class ClientConnection : IDisposable
{
    private const int MaxRequests = 64;

    private readonly INbdTransport _transport;
    private readonly ReplyReader _reader;
    private readonly Thread _receiver;
    private readonly SemaphoreSlim _places = new(MaxRequests);
    private readonly ClientRequest?[] _waiting = new ClientRequest?[MaxRequests];
    private readonly Stack<ClientRequest> _free = new();
    private readonly Lock _gate = new();
    private readonly Lock _sending = new();
    private readonly byte[] _headArray = GC.AllocateUninitializedArray<byte>(RequestHeader.ExtendedBytes, pinned: true);
    private readonly List<Memory<byte>> _segments = [];
    private string? _failure;
    private bool _isClosing;
    private int _inFlight;

    private ClientConnection(INbdTransport transport, RemoteExport export)
    {
        _transport = transport;
        Export = export;
        _reader = new ReplyReader(transport);
        _receiver = new Thread(Receive) { IsBackground = true, Name = "nbd replies" };
    }

    /// <summary>What was negotiated.</summary>
    public RemoteExport Export { get; }

    /// <summary>Called once when the connection is lost, from the receiving thread.</summary>
    public Action<ClientConnection>? Lost { get; set; }

    public bool IsLost => Volatile.Read(ref _failure) is not null;

    /// <summary>Requests that wait for answers.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Connects and negotiates.</summary>
    /// <exception cref="BlockException">There is no such server or export.</exception>
    public static ClientConnection Open(NbdClientOptions options, Action<Socket>? connected = null)
    {
        Socket socket = options.Address.Connect();
        connected?.Invoke(socket);
        ClientHandshake? handshake = null;
        try
        {
            handshake = new ClientHandshake(socket);
            RemoteExport export = handshake.Choose(
                options.Export ?? "", options.Tls, options.TlsHostName, options.DirtyBitmap);
            return new ClientConnection(handshake.Transport, export);
        }
        catch
        {
            handshake?.Transport.Dispose();
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Begins to receive.</summary>
    public void Start() => _receiver.Start();

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <param name="header">What to do; the cookie is the connection's.</param>
    /// <param name="source">The data of a write; empty otherwise.</param>
    /// <param name="destination">Where the data of a read goes; empty otherwise.</param>
    /// <returns>The first extent of an answer about block status.</returns>
    /// <exception cref="ConnectionLostException">The connection ended before the answer.</exception>
    /// <exception cref="BlockException">The server answered with an error.</exception>
    public async ValueTask<(long LengthBytes, ulong Flags)> PerformAsync(
        RequestHeader header, IoVector source, IoVector destination)
    {
        await _places.WaitAsync().ConfigureAwait(false);
        Interlocked.Increment(ref _inFlight);
        ClientRequest? request = null;
        try
        {
            request = Register(ref header, destination, out ValueTask answer);
            Send(header, source);
            await answer.ConfigureAwait(false);
            return (request.ExtentBytes, request.ExtentFlags);
        }
        finally
        {
            if (request is not null)
            {
                lock (_gate)
                    _free.Push(request);
            }

            Interlocked.Decrement(ref _inFlight);
            _places.Release();
        }
    }

    /// <summary>Says goodbye and ends the connection. No request may be waiting.</summary>
    public void Dispose()
    {
        bool wasLost;
        lock (_gate)
        {
            _isClosing = true;
            wasLost = _failure is not null;
        }

        if (!wasLost)
            SayGoodbye();
        _transport.Shutdown();
        if (_receiver != Thread.CurrentThread && (_receiver.ThreadState & ThreadState.Unstarted) == 0)
            _receiver.Join();
        _reader.Dispose();
        _transport.Dispose();
    }

    private void SayGoodbye()
    {
        try
        {
            Send(new RequestHeader(CommandCode.Disconnect, CommandFlags.None, 0, 0, 0), default);
        }
        catch (BlockException)
        {
            // The server has gone already.
        }
    }

    private ClientRequest Register(ref RequestHeader header, in IoVector destination, out ValueTask answer)
    {
        lock (_gate)
        {
            if (_failure is not null)
                throw new ConnectionLostException(_failure);
            int slot = Array.IndexOf(_waiting, null);
            Invariant.That(slot >= 0);
            ClientRequest request = _free.TryPop(out ClientRequest? kept) ? kept : new ClientRequest();
            // The cookie also tells answers from those to requests that had the slot before.
            header = header with { Cookie = (((header.Offset >> 9) + header.Length) << 8) | (uint)slot };
            answer = request.Begin(header, destination);
            _waiting[slot] = request;
            return request;
        }
    }

    private void Send(in RequestHeader header, in IoVector source)
    {
        lock (_sending)
        {
            int length = header.Write(_headArray, Export.Mode);
            _segments.Clear();
            _segments.Add(System.Runtime.InteropServices.MemoryMarshal.CreateFromPinnedArray(_headArray, 0, length));
            foreach (Memory<byte> segment in source)
                _segments.Add(segment);
            try
            {
                _transport.Send(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_segments));
            }
            catch (BlockException)
            {
                // The receiving thread finds that the connection has ended, and tells everybody, this request too.
                _transport.Shutdown();
            }
        }
    }
}
