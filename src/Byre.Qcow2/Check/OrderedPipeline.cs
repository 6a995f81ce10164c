namespace Byre.Qcow2.Check;

/// <summary>
/// Does work on several threads and hands the results to one consumer in the order of the inputs. The findings of a
/// check thus never depend on timing. Stateless.
/// </summary>
internal static class OrderedPipeline
{
    /// <summary>
    /// Runs <paramref name="work"/> for each input, at most <paramref name="degree"/> at once and twice as many ahead
    /// of
    /// <paramref name="consume"/>. When either throws, it waits for what is in flight, disposes its results and
    /// rethrows.
    /// </summary>
    public static async ValueTask RunAsync<TInput, TResult>(
        IEnumerable<TInput> inputs, int degree, Func<TInput, ValueTask<TResult>> work, Func<TResult, ValueTask> consume)
        where TResult : IDisposable
    {
        var ahead = new Queue<Task<TResult>>();
        try
        {
            foreach (TInput input in inputs)
            {
                if (degree == 1)
                {
                    using TResult result = await work(input).ConfigureAwait(false);
                    await consume(result).ConfigureAwait(false);
                    continue;
                }

                if (ahead.Count == degree * 2)
                    await ConsumeNextAsync(ahead, consume).ConfigureAwait(false);
                ahead.Enqueue(Task.Run(() => work(input).AsTask()));
            }

            while (ahead.Count > 0)
                await ConsumeNextAsync(ahead, consume).ConfigureAwait(false);
        }
        finally
        {
            await AbandonAsync(ahead).ConfigureAwait(false);
        }
    }

    private static async ValueTask ConsumeNextAsync<TResult>(
        Queue<Task<TResult>> ahead, Func<TResult, ValueTask> consume)
        where TResult : IDisposable
    {
        using TResult result = await ahead.Dequeue().ConfigureAwait(false);
        await consume(result).ConfigureAwait(false);
    }

    private static async ValueTask AbandonAsync<TResult>(Queue<Task<TResult>> ahead)
        where TResult : IDisposable
    {
        foreach (Task<TResult> task in ahead)
        {
            // The failure that got us here is the one that is reported; these are younger.
            await task.ContinueWith(
                static finished => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)
                .ConfigureAwait(false);
            if (task.IsCompletedSuccessfully)
                task.Result.Dispose();
        }
    }
}
