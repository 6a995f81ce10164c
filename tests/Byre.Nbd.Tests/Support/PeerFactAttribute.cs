namespace Byre.Nbd.Tests.Support;

/// <summary>A test that needs a peer's program: skipped where that is missing, but under CI it fails.</summary>
internal sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute(params string[] programs)
    {
        bool mustRun = Environment.GetEnvironmentVariable("CI") == "true";
        string? missing = Array.Find(programs, program => !Tools.Exists(program));
        if (!mustRun && missing is not null)
            Skip = missing + " is not installed";
    }
}
