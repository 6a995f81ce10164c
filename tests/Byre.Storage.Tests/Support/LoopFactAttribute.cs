namespace Byre.Storage.Tests.Support;

/// <summary>A test on a loop device; skipped where none can be made.</summary>
internal sealed class LoopFactAttribute : FactAttribute
{
    public LoopFactAttribute()
    {
        if (!Privileges.HasLoopDevices)
            Skip = Privileges.NoLoopDevices;
    }
}
