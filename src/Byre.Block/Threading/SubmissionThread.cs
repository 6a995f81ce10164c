namespace Byre.Block.Threading;

/// <summary>
/// Says of the current thread whether the requests it issues may keep it waiting for a device. They may, unless the
/// thread entered a scope that forbids it: a server's thread with more requests at hand. Storage then queues the
/// request to the thread's <see cref="Loop"/>, where it has one, or does the waiting elsewhere, and the request
/// completes later.
/// </summary>
public static class SubmissionThread
{
    [ThreadStatic]
    private static bool s_mustNotBlock;

    [ThreadStatic]
    private static SubmissionLoop? s_loop;

    /// <summary>True where a request must not wait on this thread.</summary>
    public static bool MustNotBlock => s_mustNotBlock;

    /// <summary>The loop of this thread; null where it has none.</summary>
    public static SubmissionLoop? Loop => s_loop;

    /// <summary>Gives this thread a loop, or takes it away.</summary>
    public static void Attach(SubmissionLoop? loop) => s_loop = loop;

    /// <summary>Sets the rule for this thread until the scope is disposed, on the same thread.</summary>
    public static Scope Enter(bool mustNotBlock)
    {
        var scope = new Scope(s_mustNotBlock);
        s_mustNotBlock = mustNotBlock;
        return scope;
    }

    /// <summary>Restores the rule that held before.</summary>
    public readonly ref struct Scope
    {
        private readonly bool _before;

        internal Scope(bool before) => _before = before;

        public void Dispose() => s_mustNotBlock = _before;
    }
}
