using Byre.Durability.Tests.Support;

namespace Byre.Durability.Tests.FullDisks;

/// <summary>A test on small file systems of its own; skipped where none can be mounted.</summary>
internal sealed class SmallDiskTheoryAttribute : TheoryAttribute
{
    private static readonly Lazy<bool> CanMount = new(() =>
    {
        using SmallDisk? disk = SmallDisk.TryMount("tmpfs");
        return disk is not null;
    });

    public SmallDiskTheoryAttribute()
    {
        if (!CanMount.Value)
            Skip = "no right to mount a file system";
        else if (Programs.Byre is null && !Settings.IsContinuousIntegration)
            Skip = "no program in artifacts/bin: run ./byre --build";
    }
}
