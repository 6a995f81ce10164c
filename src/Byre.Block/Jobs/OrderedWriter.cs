using Byre.Block.Errors;

namespace Byre.Block.Jobs;

/// <summary>
/// Puts work that workers finish in any order back into order, without a thread of its own: whoever hands in the item that
/// is next handles it and all that follow it without a gap; everybody else goes on at once. Thread-safe.
/// </summary>
/// <typeparam name="T">An item of work.</typeparam>
/// <param name="handle">Handles one item; called for one at a time, in the order of their numbers.</param>
internal sealed class OrderedWriter<T>(Func<T, ValueTask> handle)
    where T : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, T> _waiting = [];
    private long _next;
    private bool _busy;

    /// <summary>
    /// Hands in the item with a number; numbers start at 0 and leave no gap. Returns at once where an earlier one is missing or
    /// in work.
    /// </summary>
    /// <exception cref="Exception">What the handler threw, for this item or a later one; no further item is handled.</exception>
    public async ValueTask SubmitAsync(long number, T item)
    {
        lock (_lock)
        {
            Invariant.That(number >= _next);
            _waiting.Add(number, item);
            if (_busy)
                return;
            _busy = true;
        }

        while (TryTakeNext(out T? ready))
            await handle(ready).ConfigureAwait(false);
    }

    private bool TryTakeNext([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out T? ready)
    {
        lock (_lock)
        {
            if (_waiting.Remove(_next, out ready))
            {
                _next++;
                return true;
            }

            _busy = false;
            return false;
        }
    }
}
