using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>Clusters that lost one reference each.</summary>
/// <param name="First">The lowest of them.</param>
/// <param name="Count">How many.</param>
/// <param name="Reason">Whether their space is given back if that was the last reference.</param>
/// <param name="Epoch">The epoch of the free: readers of it and before may still read them.</param>
internal readonly record struct FreedRun(HostCluster First, long Count, DiscardReason Reason, long Epoch);
