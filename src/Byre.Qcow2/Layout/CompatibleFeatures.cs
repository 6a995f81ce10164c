namespace Byre.Qcow2.Layout;

/// <summary>
/// Features that a program may ignore. Unknown bits are kept as they are. Source: specification, "Header", bytes 80-87.
/// </summary>
[Flags]
public enum CompatibleFeatures : ulong
{
    None = 0,

    /// <summary>Refcount updates may be postponed while the dirty bit is set.</summary>
    LazyRefcounts = 1,
}
