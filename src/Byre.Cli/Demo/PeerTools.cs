using System.Diagnostics;

namespace Byre.Cli.Demo;

/// <summary>QEMU's own qemu-img, where it is installed. Immutable.</summary>
internal sealed class PeerTools
{
    private readonly string _program;

    private PeerTools(string program) => _program = program;

    /// <summary>The first qemu-img in PATH that is not a link to this program; null for none.</summary>
    public static PeerTools? Find()
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            string candidate = Path.Combine(folder, "qemu-img");
            if (folder.Length == 0 || !File.Exists(candidate))
                continue;
            string target = File.ResolveLinkTarget(candidate, returnFinalTarget: true)?.FullName ?? candidate;
            if (Path.GetFileName(target) != "byre")
                return new PeerTools(candidate);
        }

        return null;
    }

    /// <summary>Runs the program; true where it exits with 0.</summary>
    public async ValueTask<bool> RunAsync(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(_program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().ConfigureAwait(false);
        await Task.WhenAll(output, errors).ConfigureAwait(false);
        return process.ExitCode == 0;
    }
}
