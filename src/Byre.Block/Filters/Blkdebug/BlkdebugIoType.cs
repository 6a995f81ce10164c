namespace Byre.Block.Filters.Blkdebug;

/// <summary>Kinds of requests that an error can be injected into.</summary>
[Flags]
internal enum BlkdebugIoType
{
    None = 0,
    Read = 1,
    Write = 2,
    WriteZeroes = 4,
    Discard = 8,
    Flush = 16,
    BlockStatus = 32,

    /// <summary>What a rule without "iotype" applies to.</summary>
    Default = Read | Write | WriteZeroes | Discard | Flush,
}
