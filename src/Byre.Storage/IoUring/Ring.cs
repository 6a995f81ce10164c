using System.Runtime.InteropServices;
using Byre.Block.Errors;
using Microsoft.Win32.SafeHandles;

namespace Byre.Storage.IoUring;

/// <summary>
/// One io_uring of the kernel: two queues in shared memory. Entries are written by <see cref="TryPrepare"/>, handed
/// over by <see cref="Enter"/>, and their results taken by <see cref="TryTake"/>. Only the thread that created the
/// ring uses it: the kernel relies on that. Not sealed so that tests can return what a healthy kernel rarely does.
/// </summary>
internal unsafe class Ring : IDisposable
{
    private const nint SetUpCall = 425;
    private const nint EnterCall = 426;
    private const uint ClampSizes = 1 << 4;
    private const uint SubmitAll = 1 << 7;
    private const uint SingleIssuer = 1 << 12;
    private const uint DeferWork = 1 << 13;
    private const uint SingleMap = 1 << 0;
    private const int GetEvents = 1;
    private const int ReadWrite = 3;
    private const int SharedPopulated = 0x8001;
    private const long QueuesAt = 0;
    private const long EntriesAt = 0x10000000;

    private readonly SafeFileHandle _handle;
    private readonly int _descriptor;
    private readonly nuint _queueBytes;
    private readonly nuint _entryBytes;
    private readonly nint _queues;
    private readonly nint _entries;
    private readonly uint* _submissionHead;
    private readonly uint* _submissionTail;
    private readonly uint _submissionMask;
    private readonly uint _submissionCount;
    private readonly uint* _completionHead;
    private readonly uint* _completionTail;
    private readonly uint _completionMask;
    private readonly CompletionEntry* _completions;
    private uint _tail;
    private uint _submitted;

    /// <param name="descriptor">From TrySetUp; the ring closes it.</param>
    /// <param name="parameters">From there as well.</param>
    internal Ring(int descriptor, in RingParameters parameters)
    {
        _handle = new SafeFileHandle(descriptor, ownsHandle: true);
        _descriptor = descriptor;
        nuint submissionBytes = parameters.Submission.Array + (parameters.SubmissionEntries * sizeof(uint));
        nuint completionBytes =
            parameters.Completion.Entry + (parameters.CompletionEntries * (uint)sizeof(CompletionEntry));
        _queueBytes = nuint.Max(submissionBytes, completionBytes);
        _entryBytes = parameters.SubmissionEntries * (uint)sizeof(SubmissionEntry);
        _queues = Map(_queueBytes, QueuesAt);
        _entries = Map(_entryBytes, EntriesAt);

        byte* queues = (byte*)_queues;
        _submissionHead = (uint*)(queues + parameters.Submission.Head);
        _submissionTail = (uint*)(queues + parameters.Submission.Tail);
        _submissionMask = *(uint*)(queues + parameters.Submission.Mask);
        _submissionCount = parameters.SubmissionEntries;
        _completionHead = (uint*)(queues + parameters.Completion.Head);
        _completionTail = (uint*)(queues + parameters.Completion.Tail);
        _completionMask = *(uint*)(queues + parameters.Completion.Mask);
        _completions = (CompletionEntry*)(queues + parameters.Completion.Entry);
        uint* indices = (uint*)(queues + parameters.Submission.Array);
        for (uint i = 0; i < _submissionCount; i++)
            indices[i] = i;
        _tail = _submitted = *_submissionTail;
    }

    /// <summary>
    /// A ring for this thread; null where the kernel has none, or does not let this process have one.
    /// </summary>
    public static Ring? TryCreate(int entries) =>
        TrySetUp(entries, out int descriptor, out RingParameters parameters) ? new Ring(descriptor, parameters) : null;

    /// <summary>Asks the kernel for a ring; false where it has none, or does not let this process have one.</summary>
    internal static bool TrySetUp(int entries, out int descriptor, out RingParameters parameters)
    {
        // Completions are put into the queue only when this thread asks for them, which spares it interruptions.
        // Kernels before 6.1 do not know that.
        return TrySetUp(entries, ClampSizes | SubmitAll | SingleIssuer | DeferWork, out descriptor, out parameters)
            || TrySetUp(entries, ClampSizes, out descriptor, out parameters);
    }

    /// <summary>An entry to fill; false where the queue is full, and <see cref="Enter"/> has to be called.</summary>
    public bool TryPrepare(out SubmissionEntry* entry)
    {
        if (_tail - Volatile.Read(ref *_submissionHead) == _submissionCount)
        {
            entry = null;
            return false;
        }

        entry = (SubmissionEntry*)_entries + (_tail & _submissionMask);
        *entry = default;
        _tail++;
        return true;
    }

    /// <summary>Hands all prepared entries to the kernel and waits until so many results can be taken.</summary>
    /// <exception cref="BlockException">The kernel refuses.</exception>
    public virtual void Enter(int waitCount)
    {
        Volatile.Write(ref *_submissionTail, _tail);
        while (true)
        {
            nint count = LibC.Enter(
                EnterCall, _descriptor, (nint)(_tail - _submitted), waitCount, GetEvents, 0, 0);
            if (count >= 0)
            {
                _submitted += (uint)count;
                if (_submitted == _tail)
                    return;
                continue;
            }

            int errno = Marshal.GetLastPInvokeError();
            // Busy: results must be taken first. Interrupted and out of memory: the next call continues.
            if (errno is Errno.Busy or Errno.TryAgain or Errno.Interrupted)
                return;
            throw BlockException.FromErrno("io_uring_enter failed", errno);
        }
    }

    /// <summary>Takes one result; false where there is none.</summary>
    public virtual bool TryTake(out CompletionEntry completion)
    {
        uint head = *_completionHead;
        if (head == Volatile.Read(ref *_completionTail))
        {
            completion = default;
            return false;
        }

        completion = _completions[head & _completionMask];
        Volatile.Write(ref *_completionHead, head + 1);
        return true;
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (_handle.IsClosed)
            return;
        _ = LibC.Unmap(_entries, _entryBytes);
        _ = LibC.Unmap(_queues, _queueBytes);
        _handle.Dispose();
    }

    private static bool TrySetUp(int entries, uint flags, out int descriptor, out RingParameters parameters)
    {
        parameters = new RingParameters { Flags = flags };
        fixed (RingParameters* address = &parameters)
            descriptor = (int)LibC.SetUp(SetUpCall, entries, address);
        if (descriptor < 0)
            return false;
        if ((parameters.Features & SingleMap) != 0)
            return true;
        new SafeFileHandle(descriptor, ownsHandle: true).Dispose();
        return false;
    }

    private nint Map(nuint length, long offset)
    {
        nint address = LibC.Map(0, length, ReadWrite, SharedPopulated, _descriptor, offset);
        if (address != -1)
            return address;
        int errno = Marshal.GetLastPInvokeError();
        _handle.Dispose();
        throw BlockException.FromErrno("Could not map the queues of an io_uring", errno);
    }
}
