using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>Some clusters of the file, one after the other.</summary>
internal readonly record struct ClusterRun(HostCluster First, int Count);
