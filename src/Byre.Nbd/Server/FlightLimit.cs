using Byre.Block.Threading;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>
/// Bounds what one client has in flight: requests, and bytes of payload. The receiving thread waits; others leave.
/// </summary>
/// <param name="loop">What the receiving thread runs while it waits; null where it sleeps.</param>
internal sealed class FlightLimit(SubmissionLoop? loop) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _changed = new(false, spinCount: 0);
    private int _requests;
    private long _bytes;
    private bool _isAwaited;

    /// <summary>Requests in flight.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>Takes a place where there is one; else <see cref="Wait"/> waits for a change.</summary>
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
            if (!_isAwaited)
                return;
            if (loop is null)
                _changed.Set();
            else if (SubmissionThread.Loop != loop)
                loop.Wake();
        }
    }

    /// <summary>True where nothing is in flight; else <see cref="Wait"/> waits for a change.</summary>
    public bool IsEmpty()
    {
        lock (_gate)
            return Settle(_requests == 0);
    }

    /// <summary>Waits until another thread has left, or anything else has happened in the loop.</summary>
    public void Wait()
    {
        if (loop is null)
            _changed.Wait();
        else
            loop.RunOnce();
    }

    public void Dispose() => _changed.Dispose();

    private bool Settle(bool isSatisfied)
    {
        _isAwaited = !isSatisfied;
        if (_isAwaited && loop is null)
            _changed.Reset();
        return isSatisfied;
    }
}
