namespace Byre.Conformance.Tests.Counts;

/// <summary>What a part of an image file holds.</summary>
internal enum MetadataKind
{
    /// <summary>Guest data.</summary>
    None,

    /// <summary>An L2 table.</summary>
    L2,

    /// <summary>A refcount block.</summary>
    Refcount,

    /// <summary>The header, the L1 table, the refcount table.</summary>
    Other,
}
