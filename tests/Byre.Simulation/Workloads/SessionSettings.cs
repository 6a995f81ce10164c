using Byre.Block.Threading;
using Byre.Qcow2.Metadata;
using Byre.Simulation.Devices;

namespace Byre.Simulation.Workloads;

/// <summary>How an image is opened for a run. Immutable.</summary>
internal sealed record SessionSettings
{
    /// <summary>As a program does, with devices that complete at once.</summary>
    public static SessionSettings Plain { get; } = new();

    /// <summary>Less than all of them for a mutant.</summary>
    public OrderingRules Rules { get; init; } = OrderingRules.All;

    public IDeviceSchedule? Schedule { get; init; }

    public CompletionScheduler Scheduler { get; init; } = CompletionScheduler.ThreadPool;

    /// <summary>Requests may fail half-way: what they asked for may be seen all the same.</summary>
    public bool KeepsFailed { get; init; }

    /// <summary>Changes what the device makes of its flushes; null for an honest device.</summary>
    public Func<int, bool>? DropsFlush { get; init; }
}
