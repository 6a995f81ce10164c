namespace Byre.Conformance.Tests.Programs;

/// <summary>How a <see cref="WriteStep"/> writes.</summary>
public enum WriteKind
{
    Plain,
    Asynchronous,
    Compressed,
    ForceUnitAccess,
}
