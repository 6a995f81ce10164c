namespace Byre.Block.Graph;

/// <summary>What becomes of a write whose data is all zeroes (option "detect-zeroes").</summary>
public enum DetectZeroesMode
{
    /// <summary>It is written.</summary>
    Off,

    /// <summary>It becomes a write-zeroes request that keeps the space allocated.</summary>
    On,

    /// <summary>It becomes a write-zeroes request that may give the space back.</summary>
    Unmap,
}
