using System.Runtime.CompilerServices;

namespace Byre.Qcow2.Io;

/// <summary>
/// Parts of one request that run side by side. The request owns its buffers until every part has ended, also after a
/// failure. Not thread-safe: one request's local variable.
/// </summary>
internal struct SubRequests
{
    private const int MaxInFlight = 8;

    private List<Task>? _pending;

    /// <summary>True where no part is in flight.</summary>
    public readonly bool IsEmpty => _pending is not { Count: > 0 };

    /// <summary>
    /// Takes a part that has begun; waits where that makes too many, or where it is the only one: the usual small
    /// request overlaps with nothing.
    /// </summary>
    /// <exception cref="Exception">
    /// The failure of this part, where it has ended, or the first of all, where it had to wait for them.
    /// </exception>
    public ValueTask AddAsync(ValueTask part, bool isLast)
    {
        if (part.IsCompleted || (isLast && IsEmpty))
            return part;
        _pending ??= [];
        _pending.Add(part.AsTask());
        if (_pending.Count < MaxInFlight)
            return default;
        Task all = Task.WhenAll(_pending);
        _pending.Clear();
        return new ValueTask(all);
    }

    /// <summary>Ends when every part has ended.</summary>
    /// <exception cref="Exception">The first failure of a part.</exception>
    public readonly ConfiguredTaskAwaitable WhenAllEnd() => All().ConfigureAwait(false);

    /// <summary>
    /// The same, without a word about failures: for a request that fails already, or has heard of them.
    /// </summary>
    public readonly ConfiguredTaskAwaitable WhenAllEndAnyhow() =>
        All().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private readonly Task All() => IsEmpty ? Task.CompletedTask : Task.WhenAll(_pending!);
}
