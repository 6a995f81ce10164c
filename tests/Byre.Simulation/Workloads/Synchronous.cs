namespace Byre.Simulation.Workloads;

/// <summary>Ends a task that devices without a schedule have completed already.</summary>
internal static class Synchronous
{
    public static void Run(ValueTask task)
    {
        if (task.IsCompleted)
            task.GetAwaiter().GetResult();
        else
            task.AsTask().GetAwaiter().GetResult();
    }

    public static T Run<T>(ValueTask<T> task) =>
        task.IsCompleted ? task.GetAwaiter().GetResult() : task.AsTask().GetAwaiter().GetResult();
}
