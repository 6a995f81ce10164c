using System.Threading.Tasks.Sources;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>
/// A request that waits for its answer. Kept by its connection and used again. What waits for it continues on the
/// thread pool, never on the thread that receives.
/// </summary>
internal sealed class ClientRequest : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _completion = new() { RunContinuationsAsynchronously = true };

    /// <summary>What was asked.</summary>
    public RequestHeader Header { get; private set; }

    /// <summary>Where the data of a read goes.</summary>
    public IoVector Destination { get; private set; }

    /// <summary>Bytes of a read that have not come yet.</summary>
    public long MissingBytes { get; set; }

    /// <summary>The first error in the answer; 0 for none.</summary>
    public int Errno { get; set; }

    /// <summary>The first extent of an answer about block status: its length in bytes.</summary>
    public long ExtentBytes { get; set; }

    /// <summary>The first extent's flags.</summary>
    public ulong ExtentFlags { get; set; }

    public ValueTask Begin(in RequestHeader header, in IoVector destination)
    {
        _completion.Reset();
        Header = header;
        Destination = destination;
        MissingBytes = header.Command == CommandCode.Read ? destination.Length : 0;
        Errno = Block.Errors.Errno.None;
        ExtentBytes = 0;
        ExtentFlags = 0;
        return new ValueTask(this, _completion.Version);
    }

    /// <summary>The answer is complete.</summary>
    public void Complete()
    {
        if (Errno != Block.Errors.Errno.None)
            _completion.SetException(BlockException.FromErrno(Errno));
        else
            _completion.SetResult(true);
    }

    /// <summary>The answer will not come.</summary>
    public void Fail(Exception failure) => _completion.SetException(failure);

    public ValueTaskSourceStatus GetStatus(short token) => _completion.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);

    public void GetResult(short token)
    {
        Destination = default;
        _completion.GetResult(token);
    }
}
