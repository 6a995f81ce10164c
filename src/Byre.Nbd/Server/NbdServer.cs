using System.Net.Sockets;
using Byre.Block.Errors;
using Byre.Nbd.Transport.Interop;

namespace Byre.Nbd.Server;

/// <summary>
/// Serves exports to any number of clients, each on a thread of its own: a client that is slow, silent or hostile
/// disturbs nobody else.
/// <para>Threading: the members may be called from any thread. Exports and listening sockets stay the caller's; sockets
/// given to <see cref="Listen"/> are closed by <see cref="Stop"/>.</para>
/// </summary>
public sealed class NbdServer : IDisposable
{
    private const int PauseMilliseconds = 100;

    private readonly NbdServerOptions _options;
    private readonly Lock _gate = new();
    private readonly List<Socket> _listeners = [];
    private readonly List<Thread> _acceptors = [];
    private readonly HashSet<ServerConnection> _connections = [];
    private readonly SemaphoreSlim? _places;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ListenerGate? _entrance = OperatingSystem.IsLinux() ? new ListenerGate() : null;
    private bool _isStopped;

    /// <exception cref="BlockException">Two exports have the same name.</exception>
    public NbdServer(IEnumerable<NbdExport> exports, NbdServerOptions options)
    {
        Exports = [.. exports];
        foreach (NbdExport export in Exports)
        {
            if (Exports.Count(other => other.Name == export.Name) > 1)
                throw BlockException.Invalid($"NBD server already has export named '{export.Name}'");
        }

        _options = options;
        if (options.MaxClients > 0)
            _places = new SemaphoreSlim(options.MaxClients);
    }

    /// <summary>What is served.</summary>
    public IReadOnlyList<NbdExport> Exports { get; }

    /// <summary>
    /// Called when a client has gone: whether it had chosen an export, and how many are left. From the thread of that
    /// client.
    /// </summary>
    public Action<bool, int>? ClientGone { get; set; }

    internal NbdServerOptions Options => _options;

    /// <summary>Accepts clients of a listening socket, which belongs to the server from now on.</summary>
    public void Listen(Socket listener)
    {
        // So that accepting never waits: only the entrance does.
        listener.Blocking = _entrance is null;
        var acceptor = new Thread(() => Accept(listener)) { IsBackground = true, Name = "nbd accept" };
        lock (_gate)
        {
            Invariant.That(!_isStopped);
            _listeners.Add(listener);
            _acceptors.Add(acceptor);
        }

        acceptor.Start();
    }

    /// <summary>
    /// Stops listening, ends every connection and returns when no request is in flight any more.
    /// </summary>
    public void Stop()
    {
        ServerConnection[] connections;
        lock (_gate)
        {
            if (_isStopped)
                return;
            _isStopped = true;
            connections = [.. _connections];
        }

        _stopping.Cancel();
        _entrance?.Close();
        if (_entrance is null)
            CloseListeners();
        foreach (ServerConnection connection in connections)
            connection.End();
        foreach (Thread acceptor in _acceptors)
            acceptor.Join();
        // Nobody accepts any more: to be closed is all that happens to a socket that a service manager has, too.
        CloseListeners();
        foreach (ServerConnection connection in connections)
            connection.Join();
    }

    public void Dispose()
    {
        Stop();
        _places?.Dispose();
        _entrance?.Dispose();
        _stopping.Dispose();
    }

    internal void OnEnded(ServerConnection connection, bool hadNegotiated)
    {
        int left;
        lock (_gate)
        {
            _connections.Remove(connection);
            left = _connections.Count;
        }

        _places?.Release();
        ClientGone?.Invoke(hadNegotiated, left);
    }

    private void CloseListeners()
    {
        foreach (Socket listener in _listeners)
            listener.Dispose();
    }

    private void Accept(Socket listener)
    {
        try
        {
            while (true)
            {
                _places?.Wait(_stopping.Token);
                if (!TryStart(AcceptOne(listener)))
                    return;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private Socket AcceptOne(Socket listener)
    {
        while (true)
        {
            try
            {
                if (_entrance?.Wait(listener) == false)
                    throw new OperationCanceledException();
                return listener.Accept();
            }
            catch (SocketException failure) when (failure.SocketErrorCode == SocketError.WouldBlock)
            {
                // The client has gone, or another process that has the socket took it.
            }
            catch (SocketException failure)
            {
                _stopping.Token.ThrowIfCancellationRequested();
                // A client that went away at once, or no descriptor left for now: others may still come.
                _options.Log?.Invoke($"Failed to accept a connection: {failure.Message}");
                _stopping.Token.WaitHandle.WaitOne(PauseMilliseconds);
            }
        }
    }

    private bool TryStart(Socket socket)
    {
        var connection = new ServerConnection(this, socket);
        lock (_gate)
        {
            if (_isStopped)
            {
                socket.Dispose();
                return false;
            }

            _connections.Add(connection);
        }

        connection.Start();
        return true;
    }
}
