namespace Byre.Durability.Tests.Support;

/// <summary>A test that runs the published program; skipped where it was not published.</summary>
internal sealed class ProgramFactAttribute : FactAttribute
{
    public ProgramFactAttribute()
    {
        if (Programs.Byre is null && !Settings.IsContinuousIntegration)
            Skip = "no program in artifacts/bin: run ./byre --build";
        else if (!OperatingSystem.IsLinux())
            Skip = "kills processes and reads /dev/shm";
    }
}
