namespace Byre.Simulation.Devices;

/// <summary>Decides when the operations of devices complete, and which fail.</summary>
public interface IDeviceSchedule
{
    /// <summary>
    /// Takes an operation over. <paramref name="complete"/> is called once, later, on the simulation's thread; its
    /// argument is the failure, or null.
    /// </summary>
    void Submit(DeviceOperationKind? kind, Action<Exception?> complete);
}
