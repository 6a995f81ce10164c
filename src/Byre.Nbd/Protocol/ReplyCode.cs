namespace Byre.Nbd.Protocol;

/// <summary>What a chunk of an answer carries; errors have the highest bit set.</summary>
internal enum ReplyCode : ushort
{
    None = 0,
    OffsetData = 1,
    OffsetHole = 2,
    BlockStatus = 5,
    BlockStatusExtended = 6,
    ErrorBit = 1 << 15,
    Error = ErrorBit | 1,
    ErrorOffset = ErrorBit | 2,
}
