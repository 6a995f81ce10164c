namespace Byre.Fuzz.Engine;

/// <summary>
/// The files of <c>tests/Byre.Fuzz/corpus</c>: each is named after what it once broke, in the folder of its target.
/// Stateless.
/// </summary>
internal static class CorpusFile
{
    /// <summary>Runs a file; the name of the folder it is in is the target's.</summary>
    public static FuzzResult Replay(string path)
    {
        string target = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path)))!;
        return FuzzTargets.Find(target).Replay(File.ReadAllText(path));
    }
}
