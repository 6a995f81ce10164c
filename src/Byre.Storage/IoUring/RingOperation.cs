using System.Buffers;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Storage.Files;
using Byre.Storage.Interop;

namespace Byre.Storage.IoUring;

/// <summary>
/// A request of a file on its way through a ring. Used again and again: a request allocates nothing. What waits for it
/// goes on on the ring's thread. What the kernel leaves undone, the rest after a short count, is finished by a worker
/// thread.
/// </summary>
internal sealed unsafe class RingOperation(RingReactor reactor) : IValueTaskSource
{
    private const int InlineSegments = 4;

    private ManualResetValueTaskSourceCore<bool> _completion;
    private FileStorage? _storage;
    private OpenFile? _file;
    private WorkerTask _task;
    private long _offset;
    private IoVector _memory;
    private RequestFlags _flags;
    private long _changes;
    private MemoryHandle[] _pins = new MemoryHandle[InlineSegments];
    private int _pinCount;
    private IoSegment* _list;
    private int _listCapacity;

    /// <summary>The next one of a merged run, which this one is submitted with.</summary>
    public RingOperation? Follower { get; set; }

    /// <summary>Bytes of this one and of its followers.</summary>
    public long MergedBytes { get; set; }

    /// <summary>Segments of this one and of its followers.</summary>
    public int MergedSegments { get; set; }

    /// <summary>False for what must go alone.</summary>
    public bool MayMerge { get; private set; }

    public long LengthBytes => _memory.Length;

    public int SegmentCount { get; private set; }

    /// <summary>
    /// Queues a request; it completes on the reactor's thread, which is this one. False where the file does not take
    /// the memory as it is.
    /// </summary>
    public static bool TryQueue(
        RingReactor reactor,
        FileStorage storage,
        OpenFile file,
        WorkerTask task,
        long offset,
        in IoVector memory,
        RequestFlags flags,
        out ValueTask request)
    {
        RingOperation operation = reactor.Rent();
        operation._storage = storage;
        operation._file = file;
        operation._offset = offset;
        operation._memory = memory;
        operation._flags = flags;
        // What is not pinned yet may be moved, to where direct I/O does not take it.
        operation.Pin();
        if (!file.Transfer.Accepts(memory))
        {
            operation.Release();
            request = default;
            return false;
        }

        operation.Begin(task, mayMerge: true);
        request = new ValueTask(operation, operation._completion.Version);
        return true;
    }

    public int CompareOrder(RingOperation other)
    {
        int order = _file!.Fd.CompareTo(other._file!.Fd);
        if (order == 0)
            order = _task.CompareTo(other._task);
        return order != 0 ? order : _offset.CompareTo(other._offset);
    }

    /// <summary>True where this one begins where <paramref name="before"/> ends.</summary>
    public bool Continues(RingOperation before) =>
        _file == before._file && _task == before._task && _offset == before._offset + before.LengthBytes;

    /// <summary>Tells the kernel what to do, for all followers as well.</summary>
    public void Describe(SubmissionEntry* entry)
    {
        entry->Descriptor = _file!.Fd;
        if (_task == WorkerTask.Flush)
        {
            entry->Opcode = RingOpcode.Synchronise;
            entry->OperationFlags = SubmissionEntry.DataOnly;
            return;
        }

        entry->Offset = _offset;
        if (MergedSegments == 1)
        {
            entry->Opcode = _task == WorkerTask.Read ? RingOpcode.Read : RingOpcode.Write;
            entry->Address = _pins[0].Pointer;
            entry->Length = (uint)_memory.Length;
            return;
        }

        entry->Opcode = _task == WorkerTask.Read ? RingOpcode.ReadVector : RingOpcode.WriteVector;
        Reserve(MergedSegments);
        int count = 0;
        for (RingOperation? part = this; part is not null; part = part.Follower)
        {
            int pin = 0;
            foreach (Memory<byte> segment in part._memory)
                _list[count++] = new IoSegment((byte*)part._pins[pin++].Pointer, (nuint)segment.Length);
        }

        entry->Address = _list;
        entry->Length = (uint)count;
    }

    /// <summary>The kernel has ended it, and its followers.</summary>
    public void End(int result)
    {
        RingOperation? follower = Follower;
        if (follower is null)
        {
            EndAlone(result);
            return;
        }

        // Whose part of a merged run failed is not known: each tries again by itself.
        bool isWhole = result == MergedBytes;
        for (RingOperation? part = this; part is not null; part = follower)
        {
            follower = part.Follower;
            part.Follower = null;
            if (isWhole)
                part.EndAlone((int)part.LengthBytes);
            else
                part.Begin(part._task, mayMerge: false);
        }
    }

    /// <summary>Gives native memory back.</summary>
    public void Free()
    {
        NativeMemory.Free(_list);
        _list = null;
        _listCapacity = 0;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _completion.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);

    public void GetResult(short token)
    {
        try
        {
            _completion.GetResult(token);
        }
        finally
        {
            _completion.Reset();
            Release();
        }
    }

    private void Release()
    {
        Unpin();
        _storage = null;
        _file = null;
        _memory = default;
        reactor.TakeBack(this);
    }

    private void Begin(WorkerTask task, bool mayMerge)
    {
        _task = task;
        MayMerge = mayMerge && task != WorkerTask.Flush;
        Follower = null;
        MergedBytes = LengthBytes;
        MergedSegments = SegmentCount = _memory.SegmentCount;
        if (task == WorkerTask.Flush)
            _changes = _storage!.BeginFlush();
        reactor.Queue(this);
    }

    private void EndAlone(int result)
    {
        if (result is -Errno.TryAgain or -Errno.Interrupted)
        {
            Begin(_task, mayMerge: false);
            return;
        }

        switch (_task)
        {
            case WorkerTask.Flush:
                Finish(_storage!.EndFlush(_changes, result));
                break;
            case WorkerTask.Write when result == LengthBytes:
                _storage!.NoteWritten(_offset + result);
                if ((_flags & RequestFlags.ForceUnitAccess) != 0 && _storage.NeedsFlush)
                    Begin(WorkerTask.Flush, mayMerge: false);
                else
                    _completion.SetResult(true);
                break;
            case WorkerTask.Write when result < 0:
                _storage!.NoteChange();
                Finish(-result);
                break;
            case WorkerTask.Read when result < 0 || result == LengthBytes:
                Finish(result < 0 ? -result : Errno.None);
                break;
            default:
                FinishElsewhere(result);
                break;
        }
    }

    private void Finish(int errno)
    {
        if (errno == Errno.None)
            _completion.SetResult(true);
        else
            _completion.SetException(BlockException.FromErrno(errno));
    }

    // A short count: the end of the file, mostly. The whole request is done once more, by a thread that may wait.
    private void FinishElsewhere(int done)
    {
        Invariant.That(done < LengthBytes);
        ThreadPool.UnsafeQueueUserWorkItem(
            static operation =>
            {
                try
                {
                    operation._storage!.PerformBlocking(
                        operation._task, operation._offset, operation._memory, operation._flags);
                }
                catch (BlockException failure)
                {
                    operation._completion.SetException(failure);
                    return;
                }

                operation._completion.SetResult(true);
            },
            this,
            preferLocal: false);
    }

    private void Pin()
    {
        foreach (Memory<byte> segment in _memory)
        {
            if (_pinCount == _pins.Length)
                Array.Resize(ref _pins, _pins.Length * 2);
            _pins[_pinCount++] = segment.Pin();
        }
    }

    private void Unpin()
    {
        for (int i = 0; i < _pinCount; i++)
            _pins[i].Dispose();
        _pins.AsSpan(0, _pinCount).Clear();
        _pinCount = 0;
    }

    private void Reserve(int segments)
    {
        if (segments <= _listCapacity)
            return;
        int capacity = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)segments);
        NativeMemory.Free(_list);
        _list = (IoSegment*)NativeMemory.Alloc((nuint)capacity, (nuint)sizeof(IoSegment));
        _listCapacity = capacity;
    }
}
