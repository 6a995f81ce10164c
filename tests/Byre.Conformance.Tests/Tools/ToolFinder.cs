namespace Byre.Conformance.Tests.Tools;

/// <summary>Finds the two implementations that are compared.</summary>
public static class ToolFinder
{
    private static readonly Lazy<ToolSet> LazyOurs = new(FindOurs);
    private static readonly Lazy<ToolSet?> LazyPeer = new(FindPeer);

    /// <summary>
    /// Ours: the programs in the directory that BYRE_BIN names, else the program this test project was built with.
    /// </summary>
    public static ToolSet Ours => LazyOurs.Value;

    /// <summary>
    /// QEMU's: the programs in the directory that BYRE_PEER_BIN names, else those in PATH. Null where there are none,
    /// and the caller has nothing to compare; an error where CI=true says that they have to be there.
    /// </summary>
    public static ToolSet? Peer => LazyPeer.Value;

    private static ToolSet FindOurs()
    {
        if (Environment.GetEnvironmentVariable("BYRE_BIN") is { Length: > 0 } directory)
            return new ToolSet("byre", Path.Combine(directory, "qemu-img"), Path.Combine(directory, "qemu-io"));

        // The program tells its front ends apart by the name it is started with.
        string program = Path.Combine(AppContext.BaseDirectory, "byre");
        string links = Path.Combine(AppContext.BaseDirectory, "tools");
        Directory.CreateDirectory(links);
        return new ToolSet("byre", Link(links, "qemu-img", program), Link(links, "qemu-io", program));
    }

    private static string Link(string directory, string name, string target)
    {
        string link = Path.Combine(directory, name);
        if (!File.Exists(link))
            File.CreateSymbolicLink(link, target);
        return link;
    }

    private static ToolSet? FindPeer()
    {
        string[] directories = Environment.GetEnvironmentVariable("BYRE_PEER_BIN") is { Length: > 0 } only
            ? [only]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        foreach (string directory in directories)
        {
            string image = Path.Combine(directory, "qemu-img");
            string io = Path.Combine(directory, "qemu-io");
            if (File.Exists(image) && File.Exists(io))
                return new ToolSet("qemu", image, io);
        }

        return Environment.GetEnvironmentVariable("CI") == "true"
            ? throw new InvalidOperationException("QEMU's tools are not in PATH, and CI=true demands them")
            : null;
    }
}
