namespace Byre.Storage.Tests.Support;

/// <summary>A test on a loop device; skipped where none can be made.</summary>
internal sealed class LoopTheoryAttribute : TheoryAttribute
{
    public LoopTheoryAttribute()
    {
        if (!Privileges.HasLoopDevices)
            Skip = Privileges.NoLoopDevices;
    }
}
