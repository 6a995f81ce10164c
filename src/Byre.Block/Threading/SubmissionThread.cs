namespace Byre.Block.Threading;

/// <summary>
/// Says of the current thread whether the requests it issues may keep it waiting for a device. They may, unless the
/// thread entered a scope that forbids it: a server's thread with more requests at hand. Storage then does the waiting
/// elsewhere and the request completes later.
/// </summary>
public static class SubmissionThread
{
    [ThreadStatic]
    private static bool s_mustNotBlock;

    /// <summary>True where a request must not wait on this thread.</summary>
    public static bool MustNotBlock => s_mustNotBlock;

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
