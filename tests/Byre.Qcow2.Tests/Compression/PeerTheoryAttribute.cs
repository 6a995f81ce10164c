namespace Byre.Qcow2.Tests.Compression;

/// <summary>
/// A theory that needs programs of others: skipped where one is missing, unless CI is set, where it then fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PeerTheoryAttribute : TheoryAttribute
{
    public PeerTheoryAttribute(params string[] programs)
    {
        Programs = programs;
        string? missing = programs.FirstOrDefault(program => !Peer.Exists(program));
        if (missing is not null && Environment.GetEnvironmentVariable("CI") != "true")
            Skip = $"{missing} is not installed";
    }

    public IReadOnlyList<string> Programs { get; }
}
