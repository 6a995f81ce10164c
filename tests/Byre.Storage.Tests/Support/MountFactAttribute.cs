namespace Byre.Storage.Tests.Support;

/// <summary>A test on a small file system of its own; skipped where none can be mounted.</summary>
internal sealed class MountFactAttribute : FactAttribute
{
    public MountFactAttribute()
    {
        if (!Privileges.CanMount)
            Skip = "no right to mount a file system";
    }
}
