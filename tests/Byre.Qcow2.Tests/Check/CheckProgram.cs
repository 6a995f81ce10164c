using System.Diagnostics;
using System.Globalization;
using System.Text;
using Byre.Block.Errors;
using Byre.Qcow2.Check;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Check;

/// <summary>Runs a check in this process and prints it as <c>qemu-img check</c> does, or runs the real one.</summary>
internal static class CheckProgram
{
    /// <summary>Checks with our engine.</summary>
    public static async Task<CheckOutcome> RunOursAsync(string path, RepairMode repair = RepairMode.None)
    {
        var output = new StringBuilder();
        var errors = new StringBuilder();
        try
        {
            CheckReport report = await CheckAsync(path, repair, errors);
            CheckReport shown = report;
            if (report.NeedsSecondCheck)
            {
                output.Append(CultureInfo.InvariantCulture, $"""
                    The following inconsistencies were found and repaired:

                        {report.LeaksFixed} leaked clusters
                        {report.CorruptionsFixed} corruptions

                    Double checking the fixed image now...

                    """);
                shown = await CheckAsync(path, RepairMode.None, errors);
            }

            Print(shown, output);
            if (shown.CheckErrors != 0)
                errors.Append("qemu-img: Check failed\n");
            return new CheckOutcome(shown.ExitStatus, output.ToString(), errors.ToString());
        }
        catch (BlockException error)
        {
            errors.Append(CultureInfo.InvariantCulture, $"qemu-img: Check failed: {Errno.Describe(error.Errno)}\n");
            return new CheckOutcome(1, output.ToString(), errors.ToString());
        }
    }

    /// <summary>One check, without printing.</summary>
    public static async Task<CheckReport> CheckAsync(
        string path, RepairMode repair, StringBuilder errors, int parallelism = 2)
    {
        await using var file = new PlainFileNode(path, repair != RepairMode.None);
        return await CheckAsync(file, repair, errors, parallelism);
    }

    public static async Task<CheckReport> CheckAsync(
        PlainFileNode file, RepairMode repair, StringBuilder errors, int parallelism = 2)
    {
        byte[] prefix = new byte[4096];
        await file.ReadAsync(0, prefix);
        byte[] cluster = new byte[1 << HeaderCodec.ReadClusterBits(prefix)];
        await file.ReadAsync(0, cluster);
        ImageHeader header = HeaderCodec.Parse(cluster, HeaderParsing.ForCheck);
        var options = new CheckOptions
        {
            Repair = repair,
            Parallelism = parallelism,
            OnFinding = finding =>
                errors.Append(finding.HasProgramPrefix ? "qemu-img: " : "").Append(finding.Text).Append('\n'),
        };
        return await ImageChecker.CheckAsync(file, header, options);
    }

    /// <summary>Checks with the peer's tool.</summary>
    public static CheckOutcome RunPeer(string path, RepairMode repair = RepairMode.None)
    {
        string[] mode = repair switch
        {
            RepairMode.Leaks => ["-r", "leaks"],
            RepairMode.All => ["-r", "all"],
            _ => [],
        };
        return Run("qemu-img", ["check", "-f", "qcow2", .. mode, path]);
    }

    /// <summary>Runs a tool and fails the test where it does not succeed.</summary>
    public static string Must(string tool, params string[] arguments)
    {
        CheckOutcome outcome = Run(tool, arguments);
        Assert.True(outcome.ExitStatus == 0, $"{tool} {string.Join(' ', arguments)}: {outcome}");
        return outcome.Output;
    }

    public static CheckOutcome Run(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CheckOutcome(process.ExitCode, output, errors.Result);
    }

    private static void Print(CheckReport report, StringBuilder output)
    {
        if (report.IsClean)
            output.Append("No errors were found on the image.\n");
        if (report.Corruptions != 0)
        {
            output.Append(CultureInfo.InvariantCulture, $"\n{report.Corruptions} errors were found on the image.\n");
            output.Append("Data may be corrupted, or further writes to the image may corrupt it.\n");
        }

        if (report.Leaks != 0)
        {
            output.Append(CultureInfo.InvariantCulture, $"\n{report.Leaks} leaked clusters were found on the image.\n");
            output.Append("This means waste of disk space, but no harm to data.\n");
        }

        if (report.CheckErrors != 0)
        {
            output.Append(CultureInfo.InvariantCulture, $"\n{report.CheckErrors} internal errors have occurred ");
            output.Append("during the check.\n");
        }
        if (report.TotalClusters != 0 && report.AllocatedClusters != 0)
        {
            double allocated = report.AllocatedClusters * 100.0;
            output.Append(
                CultureInfo.InvariantCulture,
                $"{report.AllocatedClusters}/{report.TotalClusters} = "
                + $"{allocated / report.TotalClusters:F2}% allocated, "
                + $"{report.FragmentedClusters * 100.0 / report.AllocatedClusters:F2}% fragmented, "
                + $"{report.CompressedClusters * 100.0 / report.AllocatedClusters:F2}% compressed clusters\n");
        }

        if (report.ImageEndBytes != 0)
            output.Append(CultureInfo.InvariantCulture, $"Image end offset: {report.ImageEndBytes}\n");
    }
}
