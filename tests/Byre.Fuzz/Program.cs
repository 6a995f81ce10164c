using System.Globalization;
using Byre.Fuzz.Engine;

namespace Byre.Fuzz;

/// <summary>
/// The fuzzer as a program: <c>--executions N --seconds S --seed N --target NAME --findings DIRECTORY</c>,
/// <c>--case ID</c> to repeat one case, <c>--replay FILE</c> for a corpus file. The exit status is 1 where something
/// was found.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        var options = new FuzzOptions();
        if (arguments.Length == 0 || arguments.Length % 2 != 0)
            return Usage();
        for (int i = 0; i + 1 < arguments.Length; i += 2)
        {
            string value = arguments[i + 1];
            switch (arguments[i])
            {
                case "--executions":
                    options = options with { Executions = long.Parse(value, CultureInfo.InvariantCulture) };
                    break;
                case "--seconds":
                    options = options with
                    {
                        Time = TimeSpan.FromSeconds(long.Parse(value, CultureInfo.InvariantCulture)),
                    };
                    break;
                case "--seed":
                    options = options with { Seed = ulong.Parse(value, CultureInfo.InvariantCulture) };
                    break;
                case "--target":
                    options = options with { Target = value };
                    break;
                case "--findings":
                    options = options with { FindingsDirectory = value };
                    break;
                case "--max-findings":
                    options = options with { MaxFindings = int.Parse(value, CultureInfo.InvariantCulture) };
                    break;
                case "--case":
                    return Repeat(FuzzCaseId.Parse(value));
                case "--replay":
                    return Show(CorpusFile.Replay(value));
                default:
                    return Usage();
            }
        }

        FuzzReport report = new FuzzRunner(options, Console.WriteLine).Run();
        Console.WriteLine($"{report}, {PeakMemory()}");
        return report.Findings.Count == 0 ? 0 : 1;
    }

    private static int Usage()
    {
        Console.Error.WriteLine(
            "Byre.Fuzz [--executions N] [--seconds S] [--seed N] [--target NAME] [--max-findings N] "
            + "[--findings DIRECTORY] | --case ID | --replay FILE");
        return 2;
    }

    /// <summary>Runs one case and prints the smallest one that shows the same.</summary>
    private static int Repeat(FuzzCaseId id)
    {
        IFuzzTarget target = FuzzTargets.Find(id.Target);
        FuzzResult result = target.Run(id);
        if (result.Finding is { } finding)
            Console.WriteLine(target.Minimise(id, finding));
        return Show(result);
    }

    private static int Show(FuzzResult result)
    {
        Console.WriteLine(result.Finding is { } finding ? $"FINDING {finding.Key}\n{finding.Text}" : "no finding");
        return result.Finding is null ? 0 : 1;
    }

    private static string PeakMemory()
    {
        long peak = System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64;
        return string.Create(CultureInfo.InvariantCulture, $"peak {peak >> 20} MiB");
    }
}
