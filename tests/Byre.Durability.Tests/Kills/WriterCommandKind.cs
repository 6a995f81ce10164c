namespace Byre.Durability.Tests.Kills;

/// <summary>What a command of the writer does to the disk.</summary>
internal enum WriterCommandKind
{
    /// <summary>Every byte of the range gets the value.</summary>
    Write,

    /// <summary>The same, refused where something is there already.</summary>
    WriteCompressed,

    /// <summary>The range reads as zeroes.</summary>
    Zero,

    /// <summary>Everything that was done before is stable.</summary>
    Flush,

    /// <summary>Everything that was started before is done.</summary>
    Drain,
}
