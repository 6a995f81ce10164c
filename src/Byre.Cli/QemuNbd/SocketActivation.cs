using System.Globalization;
using System.Net.Sockets;
using Byre.Block.Errors;

namespace Byre.Cli.QemuNbd;

/// <summary>Listening sockets that a service manager passes: LISTEN_PID, LISTEN_FDS, from descriptor 3 on.</summary>
internal static class SocketActivation
{
    private const int FirstDescriptor = 3;

    /// <summary>How many there are; 0 where there are none for this process.</summary>
    public static int Count
    {
        get
        {
            bool isForUs = Number("LISTEN_PID") == Environment.ProcessId || DaemonProcess.IsDaemon;
            return isForUs && Number("LISTEN_FDS") is > 0 and <= 1024 and { } count ? count : 0;
        }
    }

    /// <summary>Takes them.</summary>
    /// <exception cref="BlockException">A descriptor is no socket.</exception>
    public static Socket[] Take()
    {
        try
        {
            return [.. Enumerable.Range(FirstDescriptor, Count)
                .Select(descriptor => new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)))];
        }
        catch (Exception failure) when (failure is SocketException or ArgumentException)
        {
            throw BlockException.Invalid($"Failed to use socket activation: {failure.Message}");
        }
    }

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { } text
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : null;
}
