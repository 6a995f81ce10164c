using Byre.Block.Threading;
using Byre.Simulation.Devices;

namespace Byre.Simulation.Concurrency;

/// <summary>
/// Owns every completion of a run: device operations, and waiters of locks, leases and loads. One seed decides which is
/// next and which device operations fail. Everything goes on on the thread that calls <see cref="RunNext"/>.
/// </summary>
internal sealed class DeterministicScheduler(int seed) : CompletionScheduler, IDeviceSchedule
{
    private readonly Random _random = new(seed);
    private readonly List<Action> _pending = [];

    /// <summary>False while an image is opened: everything completes at once.</summary>
    public bool IsActive { get; set; }

    /// <summary>Of so many device operations one fails; 0: none.</summary>
    public int FailsOneIn { get; set; }

    /// <summary>What waits to be completed.</summary>
    public int PendingCount => _pending.Count;

    /// <inheritdoc/>
    public override TaskCreationOptions WaiterOptions => TaskCreationOptions.None;

    /// <inheritdoc/>
    public override void Resume(Action completion) => _pending.Add(completion);

    /// <inheritdoc/>
    public override Task RunAsync(Action work)
    {
        var done = new TaskCompletionSource();
        Resume(() =>
        {
            work();
            done.SetResult();
        });
        return done.Task;
    }

    /// <inheritdoc/>
    public void Submit(DeviceOperationKind? kind, Action<Exception?> complete)
    {
        if (!IsActive)
        {
            complete(null);
            return;
        }

        bool fails = FailsOneIn > 0 && _random.Next(FailsOneIn) == 0;
        _pending.Add(() => complete(fails ? SimulatedFaults.Make() : null));
    }

    /// <summary>Completes one of the things that wait; false where nothing does.</summary>
    public bool RunNext()
    {
        if (_pending.Count == 0)
            return false;
        int index = _random.Next(_pending.Count);
        Action next = _pending[index];
        _pending.RemoveAt(index);
        next();
        return true;
    }
}
