using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Block.Filters.Blkdebug;

/// <content>Breakpoints: requests that are held until somebody lets them go.</content>
internal sealed partial class BlkdebugNode : IBreakpointNode
{
    /// <summary>The latest first. Protected by the lock, as the waiters.</summary>
    private readonly List<Suspension> _held = [];

    private readonly List<(string Tag, TaskCompletionSource Arrival)> _waiters = [];

    public Action<string>? Announce { get; set; }

    public void SetBreakpoint(string eventName, string tag)
    {
        BlockEvent moment = BlockEventNames.Find(eventName) ?? throw BlockException.FromErrno(Errno.NoEntry);
        lock (_lock)
            rules.Add(new BreakpointRule(tag) { Moment = moment });
    }

    public void RemoveBreakpoint(string tag)
    {
        bool found;
        lock (_lock)
            found = rules.RemoveBreakpoints(tag);
        while (TryResume(tag))
            found = true;
        if (!found)
            throw BlockException.FromErrno(Errno.NoEntry);
    }

    public void Resume(string tag)
    {
        if (!TryResume(tag))
            throw BlockException.FromErrno(Errno.NoEntry);
    }

    public bool IsSuspended(string tag)
    {
        lock (_lock)
            return _held.Exists(suspension => suspension.Tag == tag);
    }

    public async ValueTask WaitForSuspensionAsync(string tag, CancellationToken cancellation = default)
    {
        TaskCompletionSource arrival;
        lock (_lock)
        {
            if (_held.Exists(suspension => suspension.Tag == tag))
                return;
            arrival = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((tag, arrival));
        }

        await arrival.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    private static async ValueTask WaitAsync(List<Suspension> held)
    {
        foreach (Suspension suspension in held)
            await suspension.Continuation.Task.ConfigureAwait(false);
    }

    private Suspension Suspend(string tag)
    {
        var suspension = new Suspension(tag);
        _held.Insert(0, suspension);
        Announce?.Invoke($"blkdebug: Suspended request '{tag}'");
        foreach ((string waited, TaskCompletionSource arrival) in _waiters)
        {
            if (waited == tag)
                arrival.TrySetResult();
        }

        _waiters.RemoveAll(waiter => waiter.Tag == tag);
        return suspension;
    }

    private bool TryResume(string tag)
    {
        Suspension? suspension;
        lock (_lock)
        {
            suspension = _held.Find(held => held.Tag == tag);
            if (suspension is null)
                return false;
            _held.Remove(suspension);
            Announce?.Invoke($"blkdebug: Resuming request '{tag}'");
        }

        // The request goes on here, before this returns: whoever resumes it sees what it does.
        suspension.Continuation.SetResult();
        return true;
    }

    /// <summary>A request that is held.</summary>
    private sealed class Suspension(string tag)
    {
        public string Tag { get; } = tag;

        public TaskCompletionSource Continuation { get; } = new();
    }
}
