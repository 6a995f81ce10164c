using Byre.Block.Errors;

namespace Byre.Simulation.Devices;

/// <summary>The failure of a simulated device. Nothing else in an engine fails with its number.</summary>
public static class SimulatedFaults
{
    /// <summary>"Input/output error" is also what a refused request gets; this one is a device's alone.</summary>
    public const int Errno = Block.Errors.Errno.NoSpace;

    public static BlockException Make() => BlockException.FromErrno(Errno);
}
