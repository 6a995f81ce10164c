using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>
/// One request from its header to its answer. Kept by the connection and used again: it owns its memory, and a request
/// that needs nothing unusual allocates nothing. One thread at a time.
/// </summary>
internal sealed partial class ServerRequest
{
    /// <summary>Buffers up to this are kept for the next request.</summary>
    private const int KeptBufferBytes = 64 << 10;

    private const int HeadBytes = 64;

    private readonly NegotiatedSession _session;
    private readonly Action<ServerRequest> _completed;
    private readonly Action _continuation;
    private readonly byte[] _headArray = GC.AllocateUninitializedArray<byte>(HeadBytes, pinned: true);
    private readonly Memory<byte> _head;
    private readonly List<Memory<byte>> _answer = new(2);
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _awaiter;
    private RequestHeader _header;
    private IoBuffer? _buffer;
    private MetaContextSelection? _contexts;
    private string? _error;
    private bool _isAnswered;
    private bool _failed;

    /// <param name="session">What was negotiated.</param>
    /// <param name="completed">Called when the answer is ready, on whatever thread that is.</param>
    public ServerRequest(NegotiatedSession session, Action<ServerRequest> completed)
    {
        _session = session;
        _completed = completed;
        _head = MemoryMarshal.CreateFromPinnedArray(_headArray, 0, HeadBytes);
        _continuation = CompletePending;
    }

    /// <summary>The header.</summary>
    public ref readonly RequestHeader Header => ref _header;

    /// <summary>When the header had arrived, in ticks of the stopwatch.</summary>
    public long StartedTimestamp { get; private set; }

    /// <summary>Bytes that count against the client's limit.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>The answer, once it is ready.</summary>
    public List<Memory<byte>> Answer => _answer;

    /// <summary>False where the answer is an error.</summary>
    public bool Succeeded => !_failed;

    private NbdMode Mode => _session.Mode;

    /// <summary>Bytes of memory that a request holds until it is answered.</summary>
    public static long BytesHeldBy(in RequestHeader header, in RequestPlan plan)
    {
        bool hasData = header.Command is CommandCode.Read && plan.Error is null;
        return hasData ? (long)header.Length : plan.PayloadBytes;
    }

    /// <summary>Begins with a header. <paramref name="error"/>: what is wrong with it already.</summary>
    public void Begin(in RequestHeader header, long heldBytes, string? error, long timestamp)
    {
        _header = header;
        HeldBytes = heldBytes;
        StartedTimestamp = timestamp;
        _error = error;
        _isAnswered = false;
        _failed = false;
        _contexts = null;
        _answer.Clear();
    }

    /// <summary>Where the payload of this many bytes goes.</summary>
    public Memory<byte> RentPayload(int bytes) => RentData(bytes);

    /// <summary>The payload was not for the command: what is left asks for nothing, and fails later.</summary>
    public void ForgetPayload() => _header = _header with { Length = 0 };

    /// <summary>
    /// Does what the request asks. The answer may be ready when this returns.
    /// </summary>
    public void Start()
    {
        _error ??= RequestRules.FindError(_header, _session);
        if (_error is not null)
        {
            AnswerError(Errno.Invalid, _error);
            _completed(this);
            return;
        }

        ValueTask work;
        try
        {
            work = Perform();
        }
        catch (BlockException failure)
        {
            Fail(failure);
            _completed(this);
            return;
        }

        _awaiter = work.ConfigureAwait(false).GetAwaiter();
        if (_awaiter.IsCompleted)
            CompletePending();
        else
            _awaiter.UnsafeOnCompleted(_continuation);
    }

    /// <summary>Gives back what the next request does not need.</summary>
    public void Recycle()
    {
        _answer.Clear();
        if (_buffer is { CapacityBytes: > KeptBufferBytes })
            Release();
    }

    /// <summary>Gives all memory back.</summary>
    public void Release()
    {
        _buffer?.Return();
        _buffer = null;
    }

    private void CompletePending()
    {
        try
        {
            _awaiter.GetResult();
            if (!_isAnswered)
                AnswerSuccess();
        }
        catch (BlockException failure)
        {
            Fail(failure);
        }

        _awaiter = default;
        _completed(this);
    }

    private Memory<byte> RentData(int bytes)
    {
        if (_buffer is null || _buffer.LengthBytes < bytes)
        {
            _buffer?.Return();
            _buffer = IoBufferPool.Shared.Rent(Math.Max(bytes, Math.Min(KeptBufferBytes, NextPowerOfTwo(bytes))));
        }

        return _buffer.Memory[..bytes];
    }

    private static int NextPowerOfTwo(int bytes) =>
        (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(bytes, 1));

    private ByteRange Range => new((long)_header.Offset, (long)_header.Length);

    private ValueTask Perform()
    {
        var backend = _session.Export.Backend;
        bool isForced = (_header.Flags & CommandFlags.ForceUnitAccess) != 0;
        RequestFlags flags = isForced ? RequestFlags.ForceUnitAccess : RequestFlags.None;
        switch (_header.Command)
        {
            case CommandCode.Read:
                return PerformRead(isForced);
            case CommandCode.Write:
                return backend.WriteAsync((long)_header.Offset, RentData((int)_header.Length), flags);
            case CommandCode.Flush:
                return backend.FlushAsync();
            case CommandCode.Trim:
                return isForced ? TrimAndFlushAsync() : backend.DiscardAsync(Range);
            case CommandCode.WriteZeroes:
                if ((_header.Flags & CommandFlags.NoHole) == 0)
                    flags |= RequestFlags.MayUnmap;
                if ((_header.Flags & CommandFlags.FastZero) != 0)
                    flags |= RequestFlags.NoFallback;
                return backend.WriteZeroesAsync(Range, flags);
            case CommandCode.Cache:
                return CacheAsync();
            case CommandCode.BlockStatus:
                return PerformStatus();
            default:
                AnswerError(Errno.Invalid, $"invalid request type ({(int)_header.Command}) received");
                return default;
        }
    }

    private async ValueTask TrimAndFlushAsync()
    {
        await _session.Export.Backend.DiscardAsync(Range).ConfigureAwait(false);
        await _session.Export.Backend.FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Reads and forgets: what is worth keeping is kept below.</summary>
    private async ValueTask CacheAsync()
    {
        const int PartBytes = 1 << 20;
        ByteRange left = Range;
        while (!left.IsEmpty)
        {
            int part = (int)Math.Min(left.Length, PartBytes);
            await _session.Export.Backend.ReadAsync(left.Offset, RentData(part)).ConfigureAwait(false);
            left = ByteRange.FromEnd(left.Offset + part, left.End);
        }
    }

    private string FailureText => _header.Command switch
    {
        CommandCode.Read => "reading from file failed",
        CommandCode.Cache => "caching data failed",
        CommandCode.Flush => "flush failed",
        CommandCode.Trim => "discard failed",
        CommandCode.BlockStatus => "can't get block status",
        _ => "writing to file failed",
    };
}
