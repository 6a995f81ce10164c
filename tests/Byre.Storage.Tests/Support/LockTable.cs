using System.Globalization;

namespace Byre.Storage.Tests.Support;

/// <summary>The kernel's table of locks.</summary>
internal static class LockTable
{
    /// <summary>The locked bytes of a file, ascending, by whomever: "100 101 203".</summary>
    public static string BytesOf(string name)
    {
        string inode = Tools.Run("stat", "-c", "%i", name).Output.Trim();
        var bytes = new SortedSet<int>();
        foreach (string line in File.ReadLines("/proc/locks"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (!words[^3].EndsWith(":" + inode, StringComparison.Ordinal))
                continue;
            int first = int.Parse(words[^2], CultureInfo.InvariantCulture);
            int last = int.Parse(words[^1], CultureInfo.InvariantCulture);
            for (int offset = first; offset <= last; offset++)
                bytes.Add(offset);
        }

        return string.Join(' ', bytes);
    }
}
