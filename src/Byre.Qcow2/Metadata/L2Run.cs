namespace Byre.Qcow2.Metadata;

/// <summary>Adjacent L2 entries of one slice.</summary>
/// <param name="First">The first of them.</param>
/// <param name="Count">How many; at least 1.</param>
internal readonly record struct L2Run(L2Slot First, int Count);
