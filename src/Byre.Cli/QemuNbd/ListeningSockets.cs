using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Byre.Block.Errors;

namespace Byre.Cli.QemuNbd;

/// <summary>Opens the sockets that a server listens on. Stateless.</summary>
internal static class ListeningSockets
{
    private const int Backlog = 4096;

    /// <summary>Listens on a Unix socket; a file left over from before is replaced.</summary>
    /// <exception cref="BlockException">"Failed to bind socket to P: ...".</exception>
    public static Socket OpenUnix(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            var end = new UnixDomainSocketEndPoint(path);
            if (File.Exists(path))
                File.Delete(path);
            socket.Bind(end);
            socket.Listen(Backlog);
            return socket;
        }
        catch (ArgumentException)
        {
            socket.Dispose();
            throw BlockException.Invalid($"UNIX socket path '{path}' is too long");
        }
        catch (Exception failure) when (failure is SocketException or IOException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw Failure($"Failed to bind socket to {path}", failure);
        }
    }

    /// <summary>Listens on every address that <paramref name="host"/> stands for; port 0 takes a free one.</summary>
    /// <exception cref="BlockException">No address, or it cannot be had.</exception>
    public static Socket[] OpenTcp(string host, string port)
    {
        if (!ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
        {
            throw BlockException.Invalid(
                $"address resolution failed for {host}:{port}: Servname not supported for ai_socktype");
        }

        var opened = new List<Socket>();
        try
        {
            foreach (IPAddress address in Resolve(host, port))
                opened.Add(OpenTcp(address, number));
            return [.. opened];
        }
        catch (SocketException failure)
        {
            foreach (Socket socket in opened)
                socket.Dispose();
            throw Failure("Failed to find an available port", failure);
        }
    }

    private static IPAddress[] Resolve(string host, string port)
    {
        if (host.Length == 0)
            return [IPAddress.Any];
        try
        {
            return IPAddress.TryParse(host, out IPAddress? address) ? [address] : Dns.GetHostAddresses(host);
        }
        catch (SocketException)
        {
            throw BlockException.Invalid($"address resolution failed for {host}:{port}: Name or service not known");
        }
    }

    private static Socket OpenTcp(IPAddress address, ushort port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
                socket.DualMode = false;
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(Backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static BlockException Failure(string what, Exception failure) => failure is SocketException socketFailure
        ? BlockException.FromErrno(what, socketFailure.NativeErrorCode)
        : new BlockException(BlockErrorKind.InputOutput, Errno.InputOutput, $"{what}: {failure.Message}", failure);
}
