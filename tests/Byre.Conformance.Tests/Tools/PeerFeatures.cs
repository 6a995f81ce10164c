namespace Byre.Conformance.Tests.Tools;

/// <summary>What the peer's version can do; programs leave out the rest.</summary>
/// <param name="HasExtendedL2">Subclusters.</param>
/// <param name="HasZstd">The zstd compression type.</param>
/// <param name="SpeaksAlike">Its texts are those that ours are modelled on; otherwise only images are compared.</param>
public sealed record PeerFeatures(bool HasExtendedL2, bool HasZstd, bool SpeaksAlike)
{
    /// <summary>The version whose texts ours are.</summary>
    private const string ModelVersion = "qemu-img version 10.";

    /// <summary>Asks the peer's own help.</summary>
    public static PeerFeatures Of(ToolSet peer)
    {
        string help = peer.Image(".", "create", "-f", "qcow2", "-o", "help").Output;
        bool zstd = false;
        if (help.Contains("compression_type", StringComparison.Ordinal))
        {
            string probe = Path.Combine(Path.GetTempPath(), $"byre-zstd-{Guid.NewGuid():N}.qcow2");
            zstd = peer.Image(
                ".", "create", "-q", "-f", "qcow2", "-o", "compression_type=zstd", probe, "1M").ExitStatus == 0;
            File.Delete(probe);
        }

        bool alike = peer.Image(".", "--version").Output.StartsWith(ModelVersion, StringComparison.Ordinal);
        return new PeerFeatures(help.Contains("extended_l2", StringComparison.Ordinal), zstd, alike);
    }
}
