namespace Byre.Simulation.Devices;

/// <summary>
/// What happened to the devices of one run, on one clock: each issue, completion and answer to the guest is a moment of
/// its own. Not thread-safe.
/// </summary>
public sealed class DeviceLog
{
    private readonly List<DeviceOperation> _operations = [];

    /// <summary>The moment of the last event.</summary>
    public int Now { get; private set; }

    /// <summary>In the order of their issue.</summary>
    public IReadOnlyList<DeviceOperation> Operations => _operations;

    /// <summary>The next moment.</summary>
    public int Tick() => ++Now;

    internal void Add(DeviceOperation operation) => _operations.Add(operation);
}
