using System.Globalization;
using Byre.Storage.Interop;

namespace Byre.Storage.Files;

/// <summary>
/// Finds out who holds a lock on a file. The kernel does not say so of OFD locks; but it lists, for each descriptor
/// of each process that we may look into, the locks taken through it. Best effort: what cannot be read is passed
/// over. Stateless.
/// </summary>
internal static class LockHolders
{
    private const int MaxNamed = 4;

    /// <summary>
    /// Lines such as "It is locked by qemu-io (process 1234).", each ended by a line feed; empty where nobody was
    /// found.
    /// </summary>
    public static string Describe(SystemCalls calls, int fd, int offset)
    {
        if (calls.Stat(fd, out FileFacts file) < 0)
            return "";
        var lines = new List<string>();
        foreach (string directory in Processes())
        {
            string id = Path.GetFileName(directory);
            if (lines.Count < MaxNamed && Holds(calls, directory, file, fd, offset))
                lines.Add($"It is locked by {NameOf(directory)} (process {id}).\n");
        }

        return string.Concat(lines);
    }

    private static IEnumerable<string> Processes()
    {
        try
        {
            return Directory.GetDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0]));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool Holds(
        SystemCalls calls, string process, in FileFacts file, int ownFd, int offset)
    {
        string own = $"/proc/{Environment.ProcessId}/fd/{ownFd}";
        try
        {
            foreach (string descriptor in Directory.EnumerateFileSystemEntries(Path.Combine(process, "fd")))
            {
                if (descriptor == own || calls.Stat(descriptor, out FileFacts candidate) < 0 ||
                    !candidate.IsSameFile(file))
                    continue;
                string info = Path.Combine(process, "fdinfo", Path.GetFileName(descriptor));
                if (File.ReadLines(info).Any(line => Covers(line, offset)))
                    return true;
            }

            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // "lock:	1: OFDLCK  ADVISORY  READ -1 fe:00:11657506 203 203"
    private static bool Covers(string line, int offset)
    {
        if (!line.StartsWith("lock:", StringComparison.Ordinal))
            return false;
        string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 3 || !long.TryParse(words[^2], CultureInfo.InvariantCulture, out long start))
            return false;
        long end = words[^1] == "EOF" ? long.MaxValue : long.Parse(words[^1], CultureInfo.InvariantCulture);
        return start <= offset && offset <= end;
    }

    private static string NameOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "comm")).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "an unknown program";
        }
    }
}
