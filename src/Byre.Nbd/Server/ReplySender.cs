using Byre.Block.Errors;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Server;

/// <summary>
/// Sends answers, in the order in which they are ready, as many as there are in one call. Whoever finds nobody sending
/// sends for all. A thread that serves others as well never waits for a slow client: what the client does not take at
/// once is left to a thread of the connection's own, started when it is first needed.
/// </summary>
/// <param name="transport">The connection.</param>
/// <param name="recycle">Takes requests back whose answer was sent, or cannot be sent any more.</param>
internal sealed class ReplySender(INbdTransport transport, Action<ServerRequest> recycle) : IDisposable
{
    private const int MaxBatch = 32;

    private readonly Lock _gate = new();
    private readonly Queue<ServerRequest> _ready = new();
    private readonly List<ServerRequest> _batch = new(MaxBatch);
    private Memory<byte>[] _segments = new Memory<byte>[MaxBatch * 2];
    private int _firstSegment;
    private int _endSegment;
    private bool _isSending;
    private bool _isBroken;
    private bool _writerOwnsBatch;
    private Thread? _writer;
    private SemaphoreSlim? _writerWork;

    /// <summary>Why answers cannot be sent; null while they can.</summary>
    public string? Failure { get; private set; }

    /// <summary>Adds an answer without sending it.</summary>
    public void Enqueue(ServerRequest request)
    {
        lock (_gate)
            _ready.Enqueue(request);
    }

    /// <summary>Sends what is ready, from the connection's own thread, which may wait.</summary>
    public void FlushFromReceiver()
    {
        if (TryBegin())
            Drain(isReceiver: true);
    }

    /// <summary>Sends what is ready, from a thread that must not wait for the client.</summary>
    public void FlushFromWorker()
    {
        if (TryBegin())
            Drain(isReceiver: false);
    }

    public void Dispose()
    {
        // Nothing is in flight any more: a writer that is woken without a batch ends.
        _writerWork?.Release();
        _writer?.Join();
        _writerWork?.Dispose();
    }

    private bool TryBegin()
    {
        lock (_gate)
        {
            if (_isSending || _ready.Count == 0)
                return false;
            _isSending = true;
            return true;
        }
    }

    private void Drain(bool isReceiver)
    {
        while (HasBatch())
        {
            if (!SendBatch(isReceiver))
            {
                HandToWriter();
                return;
            }

            EndBatch();
        }
    }

    /// <summary>False where there is nothing more to send; then nobody is sending.</summary>
    private bool HasBatch()
    {
        if (_batch.Count > 0)
            return true;
        lock (_gate)
        {
            while (_batch.Count < MaxBatch && _ready.TryDequeue(out ServerRequest? request))
                _batch.Add(request);
            if (_batch.Count == 0)
            {
                _isSending = false;
                return false;
            }
        }

        _firstSegment = _endSegment = 0;
        foreach (ServerRequest request in _batch)
        {
            foreach (Memory<byte> segment in request.Answer)
            {
                if (_endSegment == _segments.Length)
                    Array.Resize(ref _segments, _segments.Length * 2);
                _segments[_endSegment++] = segment;
            }
        }

        return true;
    }

    /// <summary>False where the client does not take more now.</summary>
    private bool SendBatch(bool isReceiver)
    {
        try
        {
            while (_firstSegment < _endSegment && !_isBroken)
            {
                Span<Memory<byte>> left = _segments.AsSpan(_firstSegment, _endSegment - _firstSegment);
                if (!transport.CanTrySend)
                {
                    if (!isReceiver)
                        return false;
                    transport.Send(left);
                    return true;
                }

                _firstSegment = _endSegment - SegmentRun.Skip(left, transport.TrySend(left)).Length;
                if (_firstSegment < _endSegment && !(isReceiver && transport.WaitToSend()))
                    return false;
            }
        }
        catch (BlockException failure)
        {
            Break(failure);
        }

        return true;
    }

    private void EndBatch()
    {
        _segments.AsSpan(0, _endSegment).Clear();
        foreach (ServerRequest request in _batch)
            recycle(request);
        _batch.Clear();
    }

    private void Break(BlockException failure)
    {
        _isBroken = true;
        Failure ??= failure.Message;
        transport.Shutdown();
    }

    private void HandToWriter()
    {
        if (_writer is null)
        {
            _writerWork = new SemaphoreSlim(0);
            _writer = new Thread(RunWriter) { IsBackground = true, Name = "nbd writer" };
            _writer.Start();
        }

        lock (_gate)
            _writerOwnsBatch = true;
        _writerWork!.Release();
    }

    private void RunWriter()
    {
        while (true)
        {
            _writerWork!.Wait();
            lock (_gate)
            {
                if (!_writerOwnsBatch)
                    return;
                _writerOwnsBatch = false;
            }

            while (HasBatch())
            {
                try
                {
                    if (!_isBroken)
                        transport.Send(_segments.AsSpan(_firstSegment, _endSegment - _firstSegment));
                }
                catch (BlockException failure)
                {
                    Break(failure);
                }

                EndBatch();
            }
        }
    }
}
