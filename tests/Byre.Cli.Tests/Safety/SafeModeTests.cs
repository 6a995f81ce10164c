using System.Diagnostics;
using Byre.Cli.Tests.Transcripts;
using Byre.Tests;

namespace Byre.Cli.Tests.Safety;

/// <summary>
/// The published attacks on the program as it ships: <c>--safe</c> refuses them wherever it stands, <c>inspect</c> says
/// so by its exit status, and without <c>--safe</c> the program does what the peer does.
/// </summary>
public sealed class SafeModeTests : IClassFixture<PublishedProgram>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("byre-safe-").FullName;
    private readonly string _secret;

    public SafeModeTests()
    {
        byte[] content = new byte[AttackImages.DiskBytes];
        "root:secret"u8.CopyTo(content);
        _secret = Write("secret", content);
    }

    public static TheoryData<string> Attacks =>
        ["data file", "backing file", "json data file", "json backing file", "flat VMDK"];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task Nothing_gets_out(string attack)
    {
        string image = Make(attack);
        string target = Path.Combine(_folder, "target");
        string[][] commands =
        [
            ["byre", "--safe", "convert", "-O", "raw", image, target],
            ["byre", "convert", "--safe", "-O", "raw", image, target],
            ["qemu-img", "convert", "-O", "raw", "--safe", image, target],
            ["qemu-img", "--safe", "dd", "-O", "raw", "bs=64k", $"if={image}", $"of={target}"],
            ["qemu-io", "--safe", "-r", "-c", "read -v 0 512", image],
            ["byre", "io", "--safe", "-r", "-c", "read -v 0 512", image],
            ["qemu-img", "compare", "--safe", image, _secret],
            ["qemu-img", "map", "--safe", image],
        ];
        foreach (string[] command in commands)
        {
            (int status, string output) = await RunAsync(command);
            Assert.True(status is 1 or 2, $"{string.Join(' ', command)}: {status}\n{output}");
            Assert.DoesNotContain("root:", output, StringComparison.Ordinal);
            Assert.True(!File.Exists(target) || !HasSecret(target), string.Join(' ', command));
        }
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task The_exit_status_of_an_inspection_is_its_verdict(string attack)
    {
        (int status, string output) = await RunAsync("byre", "inspect", Make(attack));
        Assert.Equal(2, status);
        Assert.Contains("verdict: unsafe: ", output, StringComparison.Ordinal);
        (status, output) = await RunAsync("byre", "inspect", "--output=json", Make(attack));
        Assert.Equal(2, status);
        using var json = System.Text.Json.JsonDocument.Parse(output);
        Assert.Equal("unsafe", json.RootElement.GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task Info_follows_no_name()
    {
        foreach (string attack in (string[])["data file", "backing file", "json data file", "json backing file"])
        {
            string image = Make(attack);
            File.Delete(_secret);
            (int status, _) = await RunAsync("byre", "info", image);
            Assert.Equal(0, status);
            if (!attack.Contains("backing", StringComparison.Ordinal))
                continue;
            (status, string output) = await RunAsync("byre", "info", "--safe", "--backing-chain", image);
            Assert.Equal(1, status);
            Assert.Contains("which is not allowed", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Json_data_files_are_refused_without_being_safe_too()
    {
        string target = Path.Combine(_folder, "target");
        string image = Make("json data file");
        (int status, string output) = await RunAsync("qemu-img", "convert", "-O", "raw", image, target);
        Assert.Equal(1, status);
        Assert.Contains("No such file or directory", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_being_safe_the_program_does_as_the_peer()
    {
        string target = Path.Combine(_folder, "target");
        (int status, string output) = await RunAsync("qemu-img", "convert", "-O", "raw", Make("backing file"), target);
        Assert.True(status == 0, output);
        Assert.True(HasSecret(target));
    }

    [Fact]
    public async Task A_guests_header_on_its_raw_disk_is_not_probed()
    {
        byte[] content = AttackImages.RawDiskWith(AttackImages.Qcow2(_secret, "raw"));
        string disk = Write("disk", content);
        (int status, string output) = await RunAsync("qemu-img", "resize", "--safe", disk, "+1M");
        Assert.Equal(1, status);
        Assert.Contains("is not probed", output, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllBytesAsync(disk));

        (status, _) = await RunAsync("qemu-img", "resize", "--safe", "-f", "raw", disk, "+1M");
        Assert.Equal(0, status);
        byte[] resized = await File.ReadAllBytesAsync(disk);
        Assert.Equal(2 * AttackImages.DiskBytes, resized.Length);
        Assert.Equal(content, resized[..content.Length]);
        Assert.Equal(2, (await RunAsync("byre", "inspect", "-f", "raw", disk)).Status);
    }

    [Fact]
    public async Task The_environment_makes_every_command_safe()
    {
        (int status, string output) = await RunAsync("env", "BYRE_SAFE=1", "qemu-img", "map", Make("backing file"));
        Assert.Equal(1, status);
        Assert.Contains("which is not allowed", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_command_knows_the_option()
    {
        string[] verbs =
        [
            "check", "compare", "convert", "create", "dd", "info", "inspect", "map", "measure", "rebase",
            "resize", "serve", "snapshot",
        ];
        foreach (string verb in verbs)
        {
            // Resize takes its last argument for a size before it looks at options.
            (int status, _) = await RunAsync("byre", verb, "--safe", "--help", "0");
            Assert.True(status == 0, verb);
        }
    }

    /// <summary>A command that walks over its options by itself would not know the option.</summary>
    [Fact]
    public void No_command_walks_over_its_options_without_it()
    {
        string folder = Path.Combine(PublishedProgram.RepositoryRoot, "src", "Byre.Cli");
        foreach (string file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
        {
            // The front end itself, and the commands typed at the prompt of qemu-io.
            if (file.Contains("QemuIo", StringComparison.Ordinal)
                || Path.GetFileName(file) is "QemuImgFrontEnd.cs" or "GnuOptions.cs" or "ProgramContext.cs")
            {
                continue;
            }

            Assert.DoesNotContain("new GnuOptions(", File.ReadAllText(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Inspections_end_with_their_own_statuses()
    {
        string sound = Write("sound.qcow2", AttackImages.Qcow2());
        Assert.Equal(0, (await RunAsync("byre", "inspect", sound)).Status);
        Assert.Equal(0, (await RunAsync("byre", "inspect", "-f", "qcow2", sound)).Status);
        Assert.Equal(2, (await RunAsync("byre", "inspect", "--max-virtual-size=512k", sound)).Status);
        Assert.Equal(1, (await RunAsync("byre", "inspect")).Status);
        Assert.Equal(1, (await RunAsync("byre", "inspect", "--output=xml", sound)).Status);
        Assert.Equal(3, (await RunAsync("byre", "inspect", Write("empty", []))).Status);
        Assert.Equal(3, (await RunAsync("byre", "inspect", _folder)).Status);
        Assert.Equal(4, (await RunAsync("byre", "inspect", Path.Combine(_folder, "missing"))).Status);
        string pipe = Path.Combine(_folder, "pipe");
        Process.Start("mkfifo", pipe).WaitForExit();
        Assert.Equal(3, (await RunAsync("byre", "inspect", pipe)).Status);
    }

    private static bool HasSecret(string file) =>
        File.ReadAllBytes(file).AsSpan().IndexOf("root:secret"u8) >= 0;

    private string Make(string attack) => attack switch
    {
        "data file" => Write("disk.qcow2", AttackImages.Qcow2WithRawDataFile(_secret)),
        "backing file" => Write("disk.qcow2", AttackImages.Qcow2(_secret, "raw")),
        "json data file" => Write("disk.qcow2", AttackImages.Qcow2WithRawDataFile(Json())),
        "json backing file" => Write("disk.qcow2", AttackImages.Qcow2(Json(), "raw")),
        "flat VMDK" => Write("disk.vmdk", AttackImages.FlatVmdk(_secret)),
        _ => throw new ArgumentException(attack),
    };

    private string Json() => $"json:{{\"driver\":\"file\",\"filename\":\"{_secret}\"}}";

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private static async Task<(int Status, string Output)> RunAsync(params string[] command)
    {
        int program = command[0] == "env" ? 2 : 0;
        command[program] = Path.Combine(PublishedProgram.Folder, command[program]);
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await errors);
    }
}
