using Byre.Block.Errors;
using Byre.Block.Threading;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Server;

/// <summary>
/// Sends answers, in the order in which they are ready, several in one call. Whoever finds nobody sending sends for
/// all. Nobody waits for a slow client who has other things to do: what the client does not take at once waits in the
/// connection's loop, or, where it has none, is left to a thread of its own, started when it is first needed.
/// </summary>
/// <param name="transport">The connection.</param>
/// <param name="loop">The loop of the receiving thread; null where it has none.</param>
/// <param name="recycle">Takes requests back whose answer was sent, or cannot be sent any more.</param>
internal sealed class ReplySender(
    INbdTransport transport, SubmissionLoop? loop, Action<ServerRequest> recycle) : IDisposable
{
    private const int MaxBatch = 32;

    /// <summary>
    /// From here on answers are sent although more may follow at once. A client that gets all of them together is idle
    /// until then, and the disk while the client takes them: with 32 requests of 4 KiB in flight, a fifth of the speed.
    /// </summary>
    private const int EnoughAnswers = 8;

    private const long EnoughBytes = 128 << 10;

    private readonly Lock _gate = new();
    private readonly Queue<ServerRequest> _ready = new();
    private readonly List<ServerRequest> _batch = new(MaxBatch);
    private Memory<byte>[] _segments = new Memory<byte>[MaxBatch * 2];
    private long _readyBytes;
    private int _firstSegment;
    private int _endSegment;
    private bool _isSending;
    private bool _isBroken;
    private bool _waitsInLoop;
    private bool _writerOwnsBatch;
    private Thread? _writer;
    private SemaphoreSlim? _writerWork;

    /// <summary>Why answers cannot be sent; null while they can.</summary>
    public string? Failure { get; private set; }

    /// <summary>True where <see cref="FlushFromReceiver"/> has something to do. For the connection's own
    /// thread.</summary>
    public bool HasWork
    {
        get
        {
            lock (_gate)
                return _isSending ? _waitsInLoop && !loop!.IsWaitingToSend : _ready.Count > 0;
        }
    }

    /// <summary>Adds an answer without sending it. True where enough have come together to be sent now.</summary>
    public bool Enqueue(ServerRequest request)
    {
        lock (_gate)
        {
            _ready.Enqueue(request);
            foreach (Memory<byte> segment in request.Answer)
                _readyBytes += segment.Length;
            return _ready.Count >= EnoughAnswers || _readyBytes >= EnoughBytes;
        }
    }

    /// <summary>
    /// Sends what is ready, from the connection's own thread. Without a loop it may wait for the client.
    /// </summary>
    public void FlushFromReceiver()
    {
        if (TryBegin() || TryContinue())
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

    /// <summary>True where the client may take more of what was left to the loop.</summary>
    private bool TryContinue()
    {
        lock (_gate)
        {
            if (!_waitsInLoop || loop!.IsWaitingToSend)
                return false;
            _waitsInLoop = false;
            return true;
        }
    }

    private void Drain(bool isReceiver)
    {
        while (HasBatch())
        {
            if (!SendBatch(isReceiver))
            {
                if (loop is null)
                    HandToWriter();
                else
                    HandToLoop(isReceiver);
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
            if (_ready.Count == 0)
                _readyBytes = 0;
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
                if (_firstSegment < _endSegment && !(isReceiver && loop is null && transport.WaitToSend()))
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

    private void HandToLoop(bool isReceiver)
    {
        lock (_gate)
            _waitsInLoop = true;
        if (isReceiver)
            loop!.BeginWaitToSend(transport.Descriptor!.Value);
        else
            loop!.Wake();
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
