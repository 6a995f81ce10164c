namespace Byre.Storage.Tests.Support;

/// <summary>A test that needs the peer's programs: skipped where they are missing, but under CI it fails.</summary>
internal sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute()
    {
        bool mustRun = Environment.GetEnvironmentVariable("CI") == "true";
        if (!mustRun && !(Tools.Exists("qemu-io") && Tools.Exists("qemu-img")))
            Skip = "qemu-io or qemu-img is not installed";
    }
}
