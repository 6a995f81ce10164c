using System.Diagnostics;
using Byre.Conformance.Tests.Tools;
using Byre.Nbd.Tests.Support;

namespace Byre.Conformance.Tests;

/// <summary>Images are copied and compared over encrypted connections, between our programs and QEMU's.</summary>
public sealed class EncryptedCopyTests : IDisposable
{
    private const string Bytes = "4M";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("byre-tls-");
    private readonly TestCertificates _authority = new();
    private readonly List<Process> _servers = [];

    public EncryptedCopyTests()
    {
        Directory.CreateDirectory(At("bin"));
        foreach (string name in (ReadOnlySpan<string>)["byre", "qemu-nbd", "qemu-img", "qemu-io"])
            File.CreateSymbolicLink(At("bin/" + name), Path.Combine(AppContext.BaseDirectory, "byre"));
        _authority.Write(At("server"), "server", "server");
        _authority.Write(At("client"), "client", "client");
        Run("qemu-img", "create", "-q", "-f", "qcow2", At("disk"), Bytes);
        Run("qemu-io", "-f", "qcow2", "-c", "write -P 7 64k 1M", "-c", "write -P 9 2M 3k", At("disk"));
        Run("qemu-img", "create", "-q", "-f", "qcow2", At("empty"), Bytes);
    }

    public void Dispose()
    {
        foreach (Process server in _servers)
        {
            server.Kill();
            server.Dispose();
        }

        _authority.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Copies_are_the_same_whoever_serves_and_whoever_copies(bool weServe, bool weCopy)
    {
        if (ToolFinder.Peer is null)
            return;
        string img = Tool("qemu-img", weCopy);
        string[] client = ["--object", $"tls-creds-x509,id=tls0,endpoint=client,dir={At("client")}"];
        Process source = Serve(weServe, "disk");
        string disk = Remote("disk");
        Run(img, ["convert", .. client, "--image-opts", "-O", "qcow2", disk, At("copy")]);
        Run("qemu-img", "compare", "-U", At("disk"), At("copy"));
        Run(img, ["compare", .. client, "--image-opts", disk, $"driver=qcow2,file.filename={At("copy")}"]);
        string map = Run(img, ["map", "--output=json", .. client, "--image-opts", disk]);
        Assert.Contains("\"start\": 65536, \"length\": 1048576", map);
        Process target = Serve(weServe, "empty");
        Run(img,
            ["convert", .. client, "-n", "--image-opts", "--target-image-opts",
                $"driver=qcow2,file.filename={At("copy")}", Remote("empty")]);
        End(source);
        End(target);
        Run("qemu-img", "compare", At("disk"), At("empty"));
    }

    [Fact]
    public void Byre_serve_names_an_encrypted_export_by_a_name_that_is_one()
    {
        string[] options = ["--object", $"tls-creds-x509,id=t,endpoint=server,dir={At("server")}", "--tls-creds", "t"];
        Process server = Start(At("bin/byre"), ["serve", "-f", "qcow2", "-k", At("s"), .. options, At("disk")]);
        _servers.Add(server);
        string name = server.StandardOutput.ReadLine()!;
        Assert.Equal($"nbds+unix:///?socket={At("s")}", name);
        string trust = $"tls-certificates={Uri.EscapeDataString(At("client"))}&tls-hostname=server";
        Assert.Contains("virtual size: 4 MiB", Run("qemu-img", "info", $"{name}&{trust}"));
        End(server);
    }

    private Process Serve(bool isOurs, string image)
    {
        Process server = Start(
            Tool("qemu-nbd", isOurs),
            ["--object", $"tls-creds-x509,id=tls0,endpoint=server,dir={At("server")},verify-peer=yes",
                "--tls-creds", "tls0", "-t", "-f", "qcow2", "-k", At(image + ".sock"), At(image)]);
        _servers.Add(server);
        for (int i = 0; i < 400 && !File.Exists(At(image + ".sock")); i++)
            Thread.Sleep(25);
        return server;
    }

    private string Remote(string image) =>
        $"driver=nbd,server.type=unix,server.path={At(image + ".sock")},tls-creds=tls0,tls-hostname=server";

    private static void End(Process server)
    {
        using Process kill = Process.Start("kill", server.Id.ToString());
        kill.WaitForExit();
        Assert.True(server.WaitForExit(60_000));
    }

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private string Tool(string name, bool isOurs) => isOurs
        ? At("bin/" + name)
        : Path.Combine(Path.GetDirectoryName(ToolFinder.Peer!.QemuImg)!, name);

    private string Run(string tool, params string[] arguments)
    {
        using Process process = Start(Path.IsPathRooted(tool) ? tool : At("bin/" + tool), arguments);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{tool} {string.Join(' ', arguments)}\n{output}{errors.Result}");
        return output;
    }

    private static Process Start(string tool, string[] arguments) => Process.Start(
        new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
