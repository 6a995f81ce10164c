using Byre.Durability.Tests.Support;

namespace Byre.Durability.Tests.Kills;

/// <summary>
/// A run of the program that is killed at its n-th call of one kind that changes a file: by strace, which delivers the
/// signal before the call.
/// </summary>
internal static class KilledCommand
{
    /// <summary>Calls that change files.</summary>
    public static IReadOnlyList<string> Calls { get; } = ["pwrite64", "pwritev", "fallocate", "ftruncate", "fdatasync"];

    /// <summary>True where strace is there and may trace.</summary>
    public static bool IsPossible { get; } = TryTrace();

    /// <summary>Runs ours; returns whether the kill came in time.</summary>
    public static bool Run(string call, int number, IReadOnlyList<string> arguments)
    {
        string[] options =
        [
            "-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}",
            "-e", $"inject={call}:signal=KILL:when={number}", Programs.Byre!,
        ];
        ToolResult result = Programs.Run("strace", [.. options, .. arguments]);
        Assert.True(
            result.ExitCode is 0 or 137, $"byre {string.Join(' ', arguments)}: {result.ExitCode} {result.Errors}");
        return result.ExitCode == 137;
    }

    private static bool TryTrace()
    {
        if (Programs.FindInPath("strace") is not { } strace)
            return false;
        return Programs.Run(strace, "-o", "/dev/null", "true").ExitCode == 0;
    }
}
