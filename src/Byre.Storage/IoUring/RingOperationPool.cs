namespace Byre.Storage.IoUring;

/// <summary>Operations that are used again and again, so that a request allocates nothing. Thread-safe.</summary>
internal sealed class RingOperationPool : IDisposable
{
    private const int MaxKept = 256;

    private readonly Lock _gate = new();
    private readonly Stack<RingOperation> _kept = new(MaxKept);

    public RingOperation Rent(RingReactor reactor)
    {
        lock (_gate)
        {
            if (_kept.TryPop(out RingOperation? operation))
                return operation;
        }

        return new RingOperation(reactor);
    }

    public void TakeBack(RingOperation operation)
    {
        lock (_gate)
        {
            if (_kept.Count < MaxKept)
            {
                _kept.Push(operation);
                return;
            }
        }

        operation.Free();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            while (_kept.TryPop(out RingOperation? operation))
                operation.Free();
        }
    }
}
