using System.Collections.Concurrent;
using Byre.Block.Errors;

namespace Byre.Qcow2.Compression;

/// <summary>
/// Keeps native compression contexts for the next caller: building one costs more than compressing a small cluster.
/// Thread-safe. Holds as many contexts as callers were ever inside at once, up to <see cref="MaxKept"/>.
/// </summary>
/// <param name="create">Builds a context; 0 where memory is short.</param>
/// <param name="free">Gives one back to its library.</param>
internal sealed class NativeContextPool(Func<nint> create, Action<nint> free)
{
    /// <summary>A context holds up to some 300 KiB; more than this many threads are not compressing for long.</summary>
    public const int MaxKept = 64;

    private readonly ConcurrentBag<nint> _kept = [];
    private int _keptCount;

    /// <summary>A context that nobody else uses until it is returned.</summary>
    public nint Rent()
    {
        if (_kept.TryTake(out nint context))
        {
            Interlocked.Decrement(ref _keptCount);
            return context;
        }

        context = create();
        return context != 0 ? context : throw BlockException.FromErrno(Errno.OutOfMemory);
    }

    /// <summary>
    /// Takes a rented context back, whatever state it is in: users reset a context before they use it.
    /// </summary>
    public void Return(nint context)
    {
        if (Interlocked.Increment(ref _keptCount) > MaxKept)
        {
            Interlocked.Decrement(ref _keptCount);
            free(context);
            return;
        }

        _kept.Add(context);
    }
}
