using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>
/// Bounds what one client has in flight: requests, and bytes of payload. The receiving thread waits; others leave.
/// </summary>
internal sealed class FlightLimit : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _changed = new(false, spinCount: 0);
    private int _requests;
    private long _bytes;
    private bool _isAwaited;

    /// <summary>Requests in flight.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>Takes a place; waits until there is one.</summary>
    public void Enter(long bytes)
    {
        while (!TryEnter(bytes))
            _changed.Wait();
    }

    /// <summary>Takes a place where there is one.</summary>
    public bool TryEnter(long bytes)
    {
        lock (_gate)
        {
            bool hasRoom = _requests == 0 || (_requests < NbdLimits.MaxRequestsInFlight
                && _bytes + bytes <= NbdLimits.MaxBytesInFlight);
            if (hasRoom)
            {
                _requests++;
                _bytes += bytes;
            }

            return Settle(hasRoom);
        }
    }

    public void Leave(long bytes)
    {
        lock (_gate)
        {
            _requests--;
            _bytes -= bytes;
            if (_isAwaited)
                _changed.Set();
        }
    }

    /// <summary>Waits until nothing is in flight.</summary>
    public void WaitUntilEmpty()
    {
        while (!IsEmptyOrAwaited())
            _changed.Wait();
    }

    public void Dispose() => _changed.Dispose();

    private bool IsEmptyOrAwaited()
    {
        lock (_gate)
            return Settle(_requests == 0);
    }

    private bool Settle(bool isSatisfied)
    {
        _isAwaited = !isSatisfied;
        if (_isAwaited)
            _changed.Reset();
        return isSatisfied;
    }
}
