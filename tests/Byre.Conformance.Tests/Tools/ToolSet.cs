using System.Diagnostics;
using System.Text;

namespace Byre.Conformance.Tests.Tools;

/// <summary>
/// One implementation of qemu-img and qemu-io. Thread-safe.
/// </summary>
/// <param name="Name">For reports: "byre" or "qemu".</param>
/// <param name="QemuImg">Path of the image tool.</param>
/// <param name="QemuIo">Path of the exerciser.</param>
public sealed record ToolSet(string Name, string QemuImg, string QemuIo)
{
    /// <summary>A process that takes longer hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    public override string ToString() => Name;

    /// <summary>Runs the image tool in a directory.</summary>
    public ToolResult Image(string directory, params IEnumerable<string> arguments) =>
        Run(QemuImg, "qemu-img", directory, arguments);

    /// <summary>Runs the exerciser in a directory.</summary>
    public ToolResult Io(string directory, params IEnumerable<string> arguments) =>
        Run(QemuIo, "qemu-io", directory, arguments);

    /// <summary>Runs the exerciser in a directory under strace with these options.</summary>
    public ToolResult TracedIo(string directory, IEnumerable<string> options, IEnumerable<string> arguments) =>
        Run("strace", "strace", directory, [.. options, QemuIo, .. arguments]);

    /// <summary>Runs any program in a directory.</summary>
    public static ToolResult Run(string path, string name, string directory, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(path)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.Environment["LC_ALL"] = "C";
        start.Environment["TZ"] = "UTC";
        var command = new StringBuilder(name);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
            command.Append(' ').Append(argument.Contains(' ', StringComparison.Ordinal) ? $"'{argument}'" : argument);
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            process.WaitForExit();
            return new ToolResult(command.ToString(), -1, output.Result, errors.Result + "\n(killed: it hung)\n");
        }

        return new ToolResult(command.ToString(), process.ExitCode, output.Result, errors.Result);
    }
}
