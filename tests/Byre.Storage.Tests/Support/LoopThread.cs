using System.Collections.Concurrent;
using Byre.Block.Threading;
using Byre.Storage.IoUring;

namespace Byre.Storage.Tests.Support;

/// <summary>Runs a test on a thread that has a ring and must not block, as a server's connection does.</summary>
internal static class LoopThread
{
    public static void Run(Func<RingReactor, Task> body) => Run(body, RingReactor.TryCreate);

    /// <summary>The same on a ring whose results the test may alter.</summary>
    public static void RunFaulty(Func<FaultyRing, Task> body)
    {
        FaultyRing? ring = null;
        Run(_ => body(ring!), () => new RingReactor(ring = FaultyRing.Create()));
    }

    private static void Run(Func<RingReactor, Task> body, Func<RingReactor?> create)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                RunHere(body, create);
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw new InvalidOperationException(failure.Message, failure);
    }

    private static void RunHere(Func<RingReactor, Task> body, Func<RingReactor?> create)
    {
        RingReactor reactor = create() ?? throw new InvalidOperationException("the kernel has no io_uring");
        var context = new LoopContext(reactor);
        SynchronizationContext.SetSynchronizationContext(context);
        SubmissionThread.Attach(reactor);
        using SubmissionThread.Scope scope = SubmissionThread.Enter(mustNotBlock: true);
        Task task = body(reactor);
        while (!task.IsCompleted)
        {
            reactor.RunOnce();
            context.RunPosted();
        }

        // After a failure operations may be under way: the ring is left to the process then.
        task.GetAwaiter().GetResult();
        reactor.Dispose();
    }

    /// <summary>Brings a test back to its thread when something has ended on another.</summary>
    private sealed class LoopContext(RingReactor reactor) : SynchronizationContext
    {
        private readonly ConcurrentQueue<(SendOrPostCallback Callback, object? State)> _posted = new();

        public override void Post(SendOrPostCallback d, object? state)
        {
            _posted.Enqueue((d, state));
            reactor.Wake();
        }

        public void RunPosted()
        {
            while (_posted.TryDequeue(out (SendOrPostCallback Callback, object? State) work))
                work.Callback(work.State);
        }
    }
}
