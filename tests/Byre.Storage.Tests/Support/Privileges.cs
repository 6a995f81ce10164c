namespace Byre.Storage.Tests.Support;

/// <summary>What only root may do, and not in every container.</summary>
internal static class Privileges
{
    public const string NoLoopDevices = "no right to make loop devices, or no losetup";

    private static readonly Lazy<bool> MountWorks =
        new(() => Try(directory => TryMountMemory(directory["disk"], 4096)));

    private static readonly Lazy<bool> LoopWorks = new(() => Try(directory =>
    {
        string image = directory.SparseFile("image", 1 << 20);
        return TryAttachLoop(image, out _);
    }));

    public static bool CanMount => MountWorks.Value;

    public static bool HasLoopDevices => LoopWorks.Value;

    /// <summary>A file system in memory at <paramref name="directory"/>; null where mounting is not allowed.</summary>
    public static IDisposable? TryMountMemory(string directory, long sizeBytes)
    {
        Directory.CreateDirectory(directory);
        if (Environment.UserName != "root")
            return null;
        if (Tools.Run("mount", "-t", "tmpfs", "-o", $"size={sizeBytes}", "none", directory).ExitCode != 0)
            return null;
        return new Undo(() => Tools.Run("umount", directory));
    }

    /// <summary>A block device over the file <paramref name="image"/>; null where there are no loop devices.</summary>
    public static IDisposable? TryAttachLoop(string image, out string device)
    {
        device = "";
        if (Environment.UserName != "root" || !Tools.Exists("losetup"))
            return null;
        (int exitCode, string output) = Tools.Run("losetup", "--show", "-f", image);
        if (exitCode != 0)
            return null;
        string name = device = output.Trim();
        return new Undo(() => Tools.Run("losetup", "-d", name));
    }

    private static bool Try(Func<TempDirectory, IDisposable?> attempt)
    {
        using var directory = new TempDirectory();
        using IDisposable? undo = attempt(directory);
        return undo is not null;
    }

    private sealed class Undo(Action action) : IDisposable
    {
        public void Dispose() => action();
    }
}
