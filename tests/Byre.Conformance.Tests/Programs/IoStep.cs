namespace Byre.Conformance.Tests.Programs;

/// <summary>A command that runs in one process of qemu-io with its neighbours.</summary>
public abstract record IoStep : GuestStep
{
    /// <summary>The text for <c>-c</c>.</summary>
    public abstract string Command { get; }
}
