namespace Byre.Qcow2.Layout;

/// <summary>Where the refcount table lies and how many whole clusters it has.</summary>
public readonly record struct RefcountTableLocation(HostOffset Offset, int ClusterCount);
