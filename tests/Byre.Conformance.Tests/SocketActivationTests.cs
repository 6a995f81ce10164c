using System.Diagnostics;

namespace Byre.Conformance.Tests;

/// <summary>Servers that are handed their listening socket as a service manager does it: descriptor 3.</summary>
public sealed class SocketActivationTests : IDisposable
{
    /// <summary>Listens, says where, and becomes the program in its arguments.</summary>
    private const string Manager = """
        import os, socket, sys
        path = sys.argv[1]
        s = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        s.bind(path if path else ("127.0.0.1", 0))
        s.listen(5)
        print(path if path else s.getsockname()[1], flush=True)
        os.dup2(s.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        os.execv(sys.argv[2], sys.argv[2:])
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("byre-activation-");

    public SocketActivationTests()
    {
        Directory.CreateDirectory(At("bin"));
        foreach (string name in (ReadOnlySpan<string>)["byre", "qemu-nbd", "qemu-io"])
            File.CreateSymbolicLink(Tool(name), Path.Combine(AppContext.BaseDirectory, "byre"));
        using FileStream disk = File.Create(At("disk"));
        disk.SetLength(1 << 20);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Qemu_nbd_serves_on_the_socket_that_it_is_given(bool isUnix)
    {
        using Process server = Start(isUnix ? At("socket") : "", Tool("qemu-nbd"), "-f", "raw", At("disk"));
        string place = (await server.StandardOutput.ReadLineAsync())!;
        Check(isUnix ? $"nbd+unix:///?socket={place}" : $"nbd://127.0.0.1:{place}");
        // It was not persistent: its only client has gone.
        await server.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(0, server.ExitCode);
    }

    [Fact]
    public async Task Byre_serve_names_the_socket_that_it_is_given_and_leaves_others_alone()
    {
        File.WriteAllText(At("byre.sock"), "somebody else's");
        using Process server = Start(At("socket"), Tool("byre"), "serve", "x=" + At("disk"));
        Assert.Equal(At("socket"), await server.StandardOutput.ReadLineAsync());
        Assert.Equal($"nbd+unix:///x?socket={At("socket")}", await server.StandardOutput.ReadLineAsync());
        Check($"nbd+unix:///x?socket={At("socket")}");
        using (var kill = Process.Start("kill", server.Id.ToString()))
            await kill.WaitForExitAsync();
        await server.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True(File.Exists(At("byre.sock")));
    }

    [Theory]
    [InlineData("-k", "/x", "Unix socket can't be set when using socket activation")]
    [InlineData("-p", "1", "TCP port number can't be set when using socket activation")]
    public async Task A_place_cannot_be_given_twice(string option, string value, string text)
    {
        using Process server = Start(At("socket"), Tool("qemu-nbd"), option, value, "-f", "raw", At("disk"));
        Assert.Equal($"qemu-nbd: {text}\n", await server.StandardError.ReadToEndAsync());
        await server.WaitForExitAsync();
        Assert.Equal(1, server.ExitCode);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string At(string name) => Path.Combine(_folder.FullName, name);

    /// <summary>The program chooses its front end by the name it is called by.</summary>
    private string Tool(string name) => At("bin/" + name);

    private Process Start(string place, params string[] program)
    {
        var start = new ProcessStartInfo("python3", ["-c", Manager, place, .. program])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _folder.FullName,
        };
        return Process.Start(start)!;
    }

    private void Check(string name)
    {
        string[] arguments = ["-f", "raw", "-c", "write -P 5 4k 4k", "-c", "read -P 5 4k 4k", name];
        using var client = Process.Start(new ProcessStartInfo(Tool("qemu-io"), arguments)
        {
            RedirectStandardOutput = true,
        })!;
        string output = client.StandardOutput.ReadToEnd();
        Assert.True(client.WaitForExit(20_000));
        Assert.Equal(0, client.ExitCode);
        Assert.Contains("read 4096/4096 bytes at offset 4096", output);
    }
}
