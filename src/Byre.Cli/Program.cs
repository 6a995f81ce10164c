using System.Runtime.CompilerServices;
using System.Text;
using Byre.Block.Errors;
using Byre.Cli.QemuImg;
using Byre.Cli.QemuIo;
using Byre.Cli.QemuNbd;
using Byre.Cli.Shared;

[assembly: DisableRuntimeMarshalling]

namespace Byre.Cli;

/// <summary>
/// The program: one executable with four names. The last part of argv[0] decides the front end (byre, qemu-img,
/// qemu-io, qemu-nbd) and the prefix of its messages.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        var context = new ProgramContext(FindProgramName(), StandardOutput.OpenResults(), StandardOutput.OpenErrors());
        DiagnosticOutput.Sink = line => context.Errors.Write(
            line.StartsWith("warning: ", StringComparison.Ordinal)
                ? $"{context.ProgramName}: {line}\n"
                : line + "\n");
        if (Environment.GetEnvironmentVariable("BYRE_SAFE") is "1" or "on")
            context.BeSafe();
        try
        {
            return RunAsync(context, arguments).AsTask().GetAwaiter().GetResult();
        }
        catch (UsageException wrong)
        {
            return context.ReportUsage(wrong);
        }
        catch (BlockException failure)
        {
            context.Report(failure);
            return 1;
        }
        catch (InvariantException bug)
        {
            context.Report($"{bug.Message}: this is a bug in Byre, nothing more was written");
            return 1;
        }
        finally
        {
            context.Out.Flush();
            context.Statistics?.Print(context.Errors);
        }
    }

    private static ValueTask<int> RunAsync(ProgramContext context, string[] arguments) => context.ProgramName switch
    {
        "qemu-io" => QemuIoFrontEnd.RunAsync(context, arguments),
        "qemu-nbd" => NbdFrontEnd.RunAsync(context, arguments),
        _ => QemuImgFrontEnd.RunAsync(context, arguments),
    };

    /// <summary>
    /// The last part of argv[0]. The runtime's own list begins with the resolved path of the managed program: links
    /// to it would lose their names, so the kernel is asked.
    /// </summary>
    private static string FindProgramName()
    {
        if (DaemonProcess.ProgramName is { } inherited)
            return inherited;
        const string CommandLine = "/proc/self/cmdline";
        if (!File.Exists(CommandLine))
            return Path.GetFileNameWithoutExtension(Environment.GetCommandLineArgs()[0]);
        ReadOnlySpan<byte> words = File.ReadAllBytes(CommandLine);
        int end = words.IndexOf((byte)0);
        ReadOnlySpan<byte> first = end < 0 ? words : words[..end];
        string name = Encoding.UTF8.GetString(first[(first.LastIndexOf((byte)'/') + 1)..]);

        // Run as "dotnet byre.dll" the kernel's first word is the host.
        return name is "dotnet" ? "byre" : name;
    }
}
