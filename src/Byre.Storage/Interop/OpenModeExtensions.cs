using System.Runtime.InteropServices;

namespace Byre.Storage.Interop;

/// <summary>The flags of <c>open</c> in the running architecture's numbers. Stateless.</summary>
internal static class OpenModeExtensions
{
    private const int CloseOnExec = 0x80000;

    // O_DIRECT and O_DIRECTORY changed places on ARM.
    private static readonly int Direct =
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x10000 : 0x4000;

    public static int ToNative(this OpenMode mode)
    {
        int native = CloseOnExec;
        if ((mode & OpenMode.ReadWrite) != 0)
            native |= 2;
        if ((mode & OpenMode.Create) != 0)
            native |= 0x40;
        if ((mode & OpenMode.Direct) != 0)
            native |= Direct;
        if ((mode & OpenMode.NonBlocking) != 0)
            native |= 0x800;
        return native;
    }
}
