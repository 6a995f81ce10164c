namespace Byre.Block.Jobs;

/// <summary>What ended a comparison.</summary>
public enum CompareFindingKind
{
    /// <summary>The content differs at the finding's offset.</summary>
    Content,

    /// <summary>Strict mode: the block status differs at the finding's offset.</summary>
    Status,

    /// <summary>The block status could not be read.</summary>
    StatusError,

    /// <summary>The finding's node could not be read at the offset.</summary>
    ReadError,
}
