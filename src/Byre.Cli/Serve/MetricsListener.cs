using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Byre.Block.Errors;
using Byre.Nbd.Server;

namespace Byre.Cli.Serve;

/// <summary>
/// Answers "GET /metrics" over HTTP/1.1, one question a connection, one connection at a time: a page for machines, not
/// a web server. A client has two seconds.
/// </summary>
internal sealed class MetricsListener : IDisposable
{
    private const int MaxQuestionBytes = 8192;
    private const int PatienceMilliseconds = 2000;

    private readonly Socket _socket;
    private readonly NbdServer _server;
    private readonly Thread _thread;
    private volatile bool _isClosed;

    /// <param name="address">"PORT", "HOST:PORT" or "[HOST]:PORT"; without a host on 127.0.0.1.</param>
    /// <param name="server">Whose figures are told.</param>
    /// <exception cref="BlockException">The address cannot be had.</exception>
    public MetricsListener(string address, NbdServer server)
    {
        int colon = address.LastIndexOf(':');
        string host = colon < 0 ? "127.0.0.1" : address[..colon].Trim('[', ']');
        _socket = QemuNbd.ListeningSockets.OpenTcp(host, address[(colon + 1)..])[0];
        _server = server;
        _thread = new Thread(Run) { IsBackground = true, Name = "metrics" };
        _thread.Start();
    }

    /// <summary>Where the page is.</summary>
    public string Uri => $"http://{(IPEndPoint)_socket.LocalEndPoint!}/metrics";

    public void Dispose()
    {
        _isClosed = true;
        _socket.Dispose();
        _thread.Join();
    }

    private void Run()
    {
        while (!_isClosed)
        {
            try
            {
                using Socket client = _socket.Accept();
                client.ReceiveTimeout = client.SendTimeout = PatienceMilliseconds;
                Answer(client);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // A client that went away, or the end.
            }
        }
    }

    private void Answer(Socket client)
    {
        string question = ReadQuestion(client);
        bool isKnown = question.StartsWith("GET /metrics ", StringComparison.Ordinal)
            || question.StartsWith("GET / ", StringComparison.Ordinal);
        string body = isKnown ? OpenMetricsPage.Write(_server) : "Only /metrics is here.\n";
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        string head = string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {(isKnown ? "200 OK" : "404 Not Found")}\r\n"
            + $"Content-Type: {(isKnown ? OpenMetricsPage.ContentType : "text/plain")}\r\n"
            + $"Content-Length: {bytes.Length}\r\nConnection: close\r\n\r\n");
        client.Send([.. Encoding.ASCII.GetBytes(head), .. bytes]);
        client.Shutdown(SocketShutdown.Send);
    }

    private static string ReadQuestion(Socket client)
    {
        byte[] bytes = new byte[MaxQuestionBytes];
        int used = 0;
        while (used < bytes.Length && bytes.AsSpan(0, used).IndexOf("\r\n\r\n"u8) < 0)
        {
            int count = client.Receive(bytes.AsSpan(used));
            if (count == 0)
                break;
            used += count;
        }

        return Encoding.ASCII.GetString(bytes, 0, used);
    }
}
