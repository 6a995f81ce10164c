namespace Byre.Nbd.Protocol;

/// <summary>What a client asks of an export.</summary>
internal enum CommandCode : ushort
{
    Read = 0,
    Write = 1,
    Disconnect = 2,
    Flush = 3,
    Trim = 4,
    Cache = 5,
    WriteZeroes = 6,
    BlockStatus = 7,
}
