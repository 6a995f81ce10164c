using System.Buffers;
using Byre.Block.Errors;
using Byre.Block.Threading;

namespace Byre.Storage.IoUring;

/// <summary>
/// The loop of one thread over one io_uring. Requests of files are gathered until the thread has nothing else to do,
/// then sorted, merged where they are neighbours, and submitted by the same system call that waits for results.
/// </summary>
public sealed unsafe class RingReactor : SubmissionLoop
{
    private const int Entries = 256;
    private const short PollIn = 1;
    private const short PollOut = 4;

    /// <summary>Tokens of operations begin after those of the loop itself.</summary>
    private const ulong WakeToken = 0;
    private const ulong ReceiveToken = 1;
    private const ulong SendToken = 2;
    private const ulong FirstToken = 3;

    private readonly Ring _ring;
    private readonly WakeEvent _wake;
    private readonly RingBatch _batch = new();
    private readonly List<RingOperation?> _running = [];
    private readonly Stack<int> _freeSlots = new();
    private readonly RingOperationPool _pool = new();
    private int _receiveSocket;
    private MemoryHandle _receiveMemory;
    private int _receiveBytes;
    private int? _received;
    private bool _isReceiving;
    private bool _isWaitingToSend;
    private bool _isWakeArmed;

    /// <summary>The ring belongs to the reactor, also where this fails.</summary>
    /// <exception cref="BlockException">The process has too many descriptors.</exception>
    internal RingReactor(Ring ring)
    {
        try
        {
            _wake = new WakeEvent();
        }
        catch
        {
            ring.Dispose();
            throw;
        }

        _ring = ring;
    }

    /// <summary>
    /// A loop for this thread; null where the kernel has no io_uring or refuses it, as in many containers, or where the
    /// process has no descriptors left.
    /// </summary>
    public static RingReactor? TryCreate()
    {
        try
        {
            return OperatingSystem.IsLinux() && Ring.TryCreate(Entries) is { } ring ? new RingReactor(ring) : null;
        }
        catch (BlockException)
        {
            return null;
        }
    }

    /// <summary>True for the token of a file's operation.</summary>
    internal static bool IsOperation(ulong token) => token >= FirstToken;

    /// <summary>Operations that were submitted and have not ended.</summary>
    internal int RunningCount => _running.Count - _freeSlots.Count;

    /// <inheritdoc/>
    public override void BeginReceive(int socket, Memory<byte> destination)
    {
        Invariant.That(!_isReceiving);
        _isReceiving = true;
        _received = null;
        _receiveSocket = socket;
        _receiveMemory = destination.Pin();
        _receiveBytes = destination.Length;
        PrepareReceive();
    }

    /// <inheritdoc/>
    public override int? EndReceive()
    {
        if (_received is not { } count)
            return null;
        _isReceiving = false;
        _received = null;
        _receiveMemory.Dispose();
        return count >= 0 ? count : throw BlockException.FromErrno("Unable to read from socket", -count);
    }

    /// <inheritdoc/>
    public override bool IsWaitingToSend => _isWaitingToSend;

    /// <inheritdoc/>
    public override void BeginWaitToSend(int socket)
    {
        Invariant.That(!_isWaitingToSend);
        _isWaitingToSend = true;
        PreparePoll(socket, PollOut, SendToken);
    }

    /// <inheritdoc/>
    public override void RunOnce()
    {
        ArmWake();
        SubmitBatch();
        _ring.Enter(waitCount: 1);
        using SubmissionThread.Scope scope = SubmissionThread.Enter(mustNotBlock: true);
        while (_ring.TryTake(out CompletionEntry completion))
            Complete(completion);
    }

    /// <inheritdoc/>
    public override void Submit()
    {
        if (_batch.IsEmpty)
            return;
        SubmitBatch();
        _ring.Enter(waitCount: 0);
    }

    /// <inheritdoc/>
    public override void Wake() => _wake.Signal();

    /// <summary>Begins an operation at the next <see cref="RunOnce"/>, together with whatever else there is.</summary>
    internal void Queue(RingOperation operation) => _batch.Add(operation);

    /// <summary>An operation to fill and queue.</summary>
    internal RingOperation Rent() => _pool.Rent(this);

    /// <summary>Takes an operation back whose result was fetched. From any thread.</summary>
    internal void TakeBack(RingOperation operation) => _pool.TakeBack(operation);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Invariant.That(!_isReceiving && RunningCount == 0);
        _ring.Dispose();
        _wake.Dispose();
        _pool.Dispose();
    }

    private void ArmWake()
    {
        if (_isWakeArmed)
            return;
        _isWakeArmed = true;
        PreparePoll(_wake.Descriptor, PollIn, WakeToken);
    }

    private void PreparePoll(int descriptor, short events, ulong token)
    {
        SubmissionEntry* entry = Prepare();
        entry->Opcode = RingOpcode.Poll;
        entry->Descriptor = descriptor;
        entry->OperationFlags = (uint)events;
        entry->Token = token;
    }

    private void SubmitBatch()
    {
        foreach (RingOperation operation in _batch.TakeMerged())
        {
            SubmissionEntry* entry = Prepare();
            operation.Describe(entry);
            entry->Token = FirstToken + (ulong)TakeSlot(operation);
        }
    }

    private int TakeSlot(RingOperation operation)
    {
        if (_freeSlots.TryPop(out int slot))
        {
            _running[slot] = operation;
            return slot;
        }

        _running.Add(operation);
        return _running.Count - 1;
    }

    private SubmissionEntry* Prepare()
    {
        SubmissionEntry* entry;
        while (!_ring.TryPrepare(out entry))
            _ring.Enter(waitCount: 0);
        return entry;
    }

    private void Complete(in CompletionEntry completion)
    {
        switch (completion.Token)
        {
            case WakeToken:
                _isWakeArmed = false;
                _wake.Reset();
                break;
            case SendToken:
                _isWaitingToSend = false;
                break;
            case ReceiveToken:
                CompleteReceive(completion.Result);
                break;
            default:
                int slot = (int)(completion.Token - FirstToken);
                RingOperation operation = _running[slot]!;
                _running[slot] = null;
                _freeSlots.Push(slot);
                operation.End(completion.Result);
                break;
        }
    }

    private void PrepareReceive()
    {
        SubmissionEntry* entry = Prepare();
        entry->Opcode = RingOpcode.Receive;
        entry->Descriptor = _receiveSocket;
        entry->Address = _receiveMemory.Pointer;
        entry->Length = (uint)_receiveBytes;
        entry->Token = ReceiveToken;
    }

    private void CompleteReceive(int result)
    {
        if (result is -Errno.TryAgain or -Errno.Interrupted)
            PrepareReceive();
        else
            _received = result;
    }
}
