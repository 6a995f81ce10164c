using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>Adjacent host clusters that were just allocated.</summary>
/// <param name="First">The lowest of them.</param>
/// <param name="Count">How many; 0 for none.</param>
/// <param name="IsPristine">True where they lie past everything that was ever in the file: they read as zeroes.</param>
internal readonly record struct AllocatedRun(HostCluster First, long Count, bool IsPristine);
