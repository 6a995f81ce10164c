namespace Byre.Qcow2.Layout;

/// <summary>The index of a cluster in the image file: its offset divided by the cluster size.</summary>
public readonly record struct HostCluster(long Index) : IComparable<HostCluster>
{
    public static HostCluster operator +(HostCluster cluster, long count) => new(cluster.Index + count);

    public static bool operator <(HostCluster left, HostCluster right) => left.Index < right.Index;

    public static bool operator >(HostCluster left, HostCluster right) => left.Index > right.Index;

    public static bool operator <=(HostCluster left, HostCluster right) => left.Index <= right.Index;

    public static bool operator >=(HostCluster left, HostCluster right) => left.Index >= right.Index;

    public int CompareTo(HostCluster other) => Index.CompareTo(other.Index);

    public override string ToString() => $"host cluster {Index}";
}
