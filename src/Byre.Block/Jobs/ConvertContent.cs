namespace Byre.Block.Jobs;

/// <summary>What a run of the source is to a conversion.</summary>
internal enum ConvertContent
{
    /// <summary>Must be read.</summary>
    Data,

    /// <summary>Known to read as zeroes.</summary>
    Zero,

    /// <summary>Left to the target's backing file.</summary>
    Backing,
}
