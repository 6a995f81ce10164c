namespace Byre.Nbd.Protocol;

/// <summary>How a command is to be done.</summary>
[Flags]
internal enum CommandFlags : ushort
{
    None = 0,

    /// <summary>What was written is stable before the answer.</summary>
    ForceUnitAccess = 1,

    /// <summary>Zeroes must stay allocated.</summary>
    NoHole = 2,

    /// <summary>The answer to a read is one chunk.</summary>
    DoNotFragment = 4,

    /// <summary>The answer to a question about block status is one extent.</summary>
    RequestOne = 8,

    /// <summary>Zeroes that would cost as much as a write are refused.</summary>
    FastZero = 16,

    /// <summary>The length of the request counts payload bytes behind it.</summary>
    PayloadLength = 32,
}
