namespace Byre.Block.Graph;

/// <summary>What decides whether a child without a driver is probed or taken for a protocol.</summary>
internal enum ParentKind
{
    /// <summary>The parent interprets its file, or is going to be found by probing.</summary>
    Format,

    /// <summary>A filter or a protocol.</summary>
    Other,
}
