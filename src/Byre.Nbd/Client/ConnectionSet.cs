using System.Net.Sockets;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>
/// The connections of one node. Each request takes the one with the least to do. A connection that is lost is opened
/// again in the background, at growing intervals; requests wait for that as long as the options say, and fail
/// afterwards, until it is back. Thread-safe.
/// </summary>
internal sealed class ConnectionSet : IDisposable
{
    private const int FirstPauseMilliseconds = 1000;
    private const int LongestPauseMilliseconds = 16_000;

    private readonly NbdClientOptions _options;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly List<ClientConnection> _connections = [];

    /// <summary>Lost, and perhaps still in somebody's hands.</summary>
    private readonly List<ClientConnection> _lost = [];
    private TaskCompletionSource _back = NewSignal();
    private long _waitsUntil = long.MaxValue;
    private Thread? _reconnector;
    private Socket? _connecting;

    private ConnectionSet(NbdClientOptions options, ClientConnection first)
    {
        _options = options;
        Export = first.Export;
        Add(first);
    }

    /// <summary>What the first connection negotiated.</summary>
    public RemoteExport Export { get; }

    /// <summary>Connects, trying again as long as the options say.</summary>
    /// <exception cref="BlockException">The last failure.</exception>
    public static ConnectionSet Open(NbdClientOptions options)
    {
        long deadline = Environment.TickCount64 + (long)options.OpenTimeout.TotalMilliseconds;
        int pause = FirstPauseMilliseconds;
        while (true)
        {
            try
            {
                var set = new ConnectionSet(options, ClientConnection.Open(options));
                set.OpenFurther();
                return set;
            }
            catch (BlockException) when (Environment.TickCount64 < deadline)
            {
                Thread.Sleep((int)Math.Min(pause, Math.Max(1, deadline - Environment.TickCount64)));
                pause = Math.Min(pause * 2, LongestPauseMilliseconds);
            }
        }
    }

    /// <summary>Sends a request and waits for its answer, again where the connection is lost meanwhile.</summary>
    public async ValueTask<(long LengthBytes, ulong Flags)> PerformAsync(
        RequestHeader header, IoVector source, IoVector destination)
    {
        while (true)
        {
            ClientConnection connection = TryChoose() ?? await WaitForConnectionAsync().ConfigureAwait(false);
            try
            {
                return await connection.PerformAsync(header, source, destination).ConfigureAwait(false);
            }
            catch (ConnectionLostException lost)
            {
                if (_options.ReconnectDelay == TimeSpan.Zero && TryChoose() is null)
                    throw BlockException.FromErrno(lost.Errno);
            }
        }
    }

    public void Dispose()
    {
        ClientConnection[] connections;
        _closing.Cancel();
        lock (_gate)
        {
            connections = [.. _connections, .. _lost];
            _connections.Clear();
            _connecting?.Dispose();
        }

        _reconnector?.Join();
        foreach (ClientConnection connection in connections)
            connection.Dispose();
        _closing.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The connection with the least to do; null where there is none.</summary>
    private ClientConnection? TryChoose()
    {
        lock (_gate)
        {
            ClientConnection? best = null;
            foreach (ClientConnection connection in _connections)
            {
                if (best is null || connection.InFlight < best.InFlight)
                    best = connection;
            }

            return best;
        }
    }

    private async ValueTask<ClientConnection> WaitForConnectionAsync()
    {
        while (true)
        {
            Task back;
            long left;
            lock (_gate)
            {
                if (_connections.Count > 0)
                    return _connections[0];
                back = _back.Task;
                left = _waitsUntil - Environment.TickCount64;
            }

            if (left <= 0)
                throw BlockException.FromErrno(Errno.InputOutput);
            try
            {
                await back.WaitAsync(TimeSpan.FromMilliseconds(Math.Min(left, int.MaxValue))).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                throw BlockException.FromErrno(Errno.InputOutput);
            }
        }
    }

    private void Add(ClientConnection connection)
    {
        connection.Lost = OnLost;
        connection.Start();
        ClientConnection[] forgotten;
        lock (_gate)
        {
            if (connection.IsLost)
                return;
            _connections.Add(connection);
            _waitsUntil = long.MaxValue;
            _back.TrySetResult();
            forgotten = [.. _lost.Where(lost => lost.InFlight == 0)];
            _lost.RemoveAll(lost => forgotten.Contains(lost));
        }

        foreach (ClientConnection lost in forgotten)
            lost.Dispose();
    }

    /// <summary>The connections beyond the first are a matter of speed: one that cannot be had is done
    /// without.</summary>
    private void OpenFurther()
    {
        if (!Export.Can(TransmissionFlags.CanMultiConnect))
            return;
        for (int i = 1; i < _options.Connections; i++)
        {
            try
            {
                Add(ClientConnection.Open(_options));
            }
            catch (BlockException failure)
            {
                string which = $"NBD connection {i + 1} of {_options.Connections}";
                DiagnosticOutput.WriteLine($"warning: {which}: {failure.Message}");
                return;
            }
        }
    }

    private void OnLost(ClientConnection connection)
    {
        lock (_gate)
        {
            _connections.Remove(connection);
            _lost.Add(connection);
            if (_connections.Count > 0 || _closing.IsCancellationRequested)
                return;
            _back = NewSignal();
            _waitsUntil = Environment.TickCount64 + (long)_options.ReconnectDelay.TotalMilliseconds;
            _reconnector = new Thread(Reconnect) { IsBackground = true, Name = "nbd reconnect" };
            _reconnector.Start();
        }
    }

    private void Reconnect()
    {
        int pause = FirstPauseMilliseconds;
        while (!_closing.IsCancellationRequested)
        {
            if (TryReconnect())
                return;
            _closing.Token.WaitHandle.WaitOne(pause);
            pause = Math.Min(pause * 2, LongestPauseMilliseconds);
        }
    }

    private bool TryReconnect()
    {
        try
        {
            ClientConnection connection = ClientConnection.Open(_options, socket => _connecting = socket);
            _connecting = null;
            bool isSame = connection.Export.LengthBytes == Export.LengthBytes && connection.Export.Mode == Export.Mode
                && connection.Export.Flags == Export.Flags
                && connection.Export.StatusContext is null == Export.StatusContext is null;
            if (isSame)
            {
                Add(connection);
                return true;
            }

            // Another disk behind the same name: nothing written there would be where it belongs.
            connection.Dispose();
        }
        catch (Exception failure) when (failure is BlockException or ObjectDisposedException or SocketException)
        {
            // Tried again, or closed.
        }

        return false;
    }
}
