using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Byre.Cli.Tests.Transcripts;
using Microsoft.Diagnostics.NETCore.Client;

namespace Byre.Cli.Tests.Serve;

/// <summary>The figures of a server that runs, as the tools of operators ask for them.</summary>
public sealed class ServiceFiguresTests : IClassFixture<PublishedProgram>, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("byre-figures-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_collector_is_sent_them_by_otlp()
    {
        using var collector = new TcpListener(IPAddress.Loopback, 0);
        collector.Start();
        using Process server = await ServeAsync("--otlp", $"http://{collector.LocalEndpoint}");
        try
        {
            Use();
            string message = "";
            while (!message.Contains("nbd.server.requests", StringComparison.Ordinal))
                message = await TakeMessageAsync(collector).WaitAsync(Patience);
            Assert.StartsWith("POST /v1/metrics HTTP/1.1\r\n", message);
            Assert.Contains("nbd.server.duration", message);
            Assert.Contains("byre.image.l2_cache_misses", message);
        }
        finally
        {
            End(server);
        }
    }

    [Fact]
    public async Task A_collector_that_is_not_there_holds_nothing_up()
    {
        using Process server = await ServeAsync("--otlp", "http://127.0.0.1:1");
        Use();
        End(server);
        Assert.Equal(0, server.ExitCode);
    }

    /// <summary>What dotnet-counters does.</summary>
    [Fact]
    public async Task A_diagnostics_session_sees_the_meters()
    {
        using Process server = await ServeAsync();
        try
        {
            Use();
            var arguments = new Dictionary<string, string>
            {
                ["SessionId"] = "figures",
                ["Metrics"] = "Byre.Nbd,Byre.Image",
                ["RefreshInterval"] = "1",
                ["MaxTimeSeries"] = "1000",
                ["MaxHistograms"] = "100",
            };
            var provider = new EventPipeProvider(
                "System.Diagnostics.Metrics", EventLevel.Informational, keywords: 2, arguments);
            using EventPipeSession session =
                new DiagnosticsClient(server.Id).StartEventPipeSession([provider], requestRundown: false);
            await ReadUntilAsync(session.EventStream, "nbd.server.requests", "byre.image.l2_cache_misses")
                .WaitAsync(Patience);
            session.Stop();
        }
        finally
        {
            End(server);
        }
    }

    [Theory]
    [InlineData("collector:4318")]
    [InlineData("ftp://collector")]
    public void Anything_but_an_address_of_the_web_is_refused(string collector)
    {
        using Process program = Start("serve", "--otlp", collector, "disk");
        string errors = program.StandardError.ReadToEnd();
        program.WaitForExit();
        Assert.Equal(1, program.ExitCode);
        Assert.Contains($"--otlp: '{collector}' is no http:// or https:// address", errors);
    }

    private async Task<Process> ServeAsync(params string[] options)
    {
        Run("qemu-img", "create", "-q", "-f", "qcow2", "disk", "1M");
        Process server = Start(["serve", "-f", "qcow2", .. options, "disk"]);
        Assert.NotNull(await server.StandardOutput.ReadLineAsync().WaitAsync(Patience));
        return server;
    }

    private void Use() => Run(
        "qemu-io", "-f", "raw", "-c", "write 0 64k", "-c", "read 0 64k", "nbd+unix:///?socket=byre.sock");

    private static void End(Process server)
    {
        using Process kill = Process.Start("kill", server.Id.ToString());
        kill.WaitForExit();
        Assert.True(server.WaitForExit(Patience));
    }

    private void Run(string tool, params string[] arguments)
    {
        using Process program = Start(tool, arguments);
        string output = program.StandardOutput.ReadToEnd() + program.StandardError.ReadToEnd();
        program.WaitForExit();
        Assert.True(program.ExitCode == 0, output);
    }

    private Process Start(params string[] arguments) => Start("byre", arguments);

    private Process Start(string tool, string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(PublishedProgram.Folder, tool), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _folder.FullName,
        };
        start.Environment["OTEL_METRIC_EXPORT_INTERVAL"] = "200";
        return Process.Start(start)!;
    }

    /// <summary>Takes one message and answers it. Bytes that are no text are in it as they are.</summary>
    private static async Task<string> TakeMessageAsync(TcpListener collector)
    {
        using TcpClient client = await collector.AcceptTcpClientAsync();
        await using NetworkStream stream = client.GetStream();
        var message = new StringBuilder();
        byte[] buffer = new byte[65536];
        while (!IsWhole(message.ToString()))
        {
            int count = await stream.ReadAsync(buffer);
            if (count == 0)
                break;
            message.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }

        await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
        return message.ToString();
    }

    private static bool IsWhole(string message)
    {
        const string Length = "Content-Length: ";
        int end = message.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0)
            return false;
        int at = message.IndexOf(Length, StringComparison.Ordinal) + Length.Length;
        int bytes = int.Parse(message.AsSpan(at, message.IndexOf('\r', at) - at));
        return message.Length - end - 4 >= bytes;
    }

    private static async Task ReadUntilAsync(Stream stream, params string[] names)
    {
        var seen = new List<byte>();
        byte[] buffer = new byte[65536];
        while (true)
        {
            int count = await stream.ReadAsync(buffer);
            Assert.True(count > 0, "the session ended without the figures");
            seen.AddRange(buffer.AsSpan(0, count));
            if (names.All(name => Contains(seen, Encoding.Unicode.GetBytes(name))))
                return;
        }
    }

    private static bool Contains(List<byte> bytes, ReadOnlySpan<byte> sought) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes).IndexOf(sought) >= 0;
}
