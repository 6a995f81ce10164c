namespace Byre.Nbd.Protocol;

/// <summary>A server's answers during the handshake; errors have the highest bit set.</summary>
internal enum OptionReplyCode : uint
{
    Acknowledge = 1,
    Server = 2,
    Info = 3,
    MetaContext = 4,
    ErrorBit = 1u << 31,
    Unsupported = ErrorBit | 1,
    Policy = ErrorBit | 2,
    Invalid = ErrorBit | 3,
    Platform = ErrorBit | 4,
    TlsRequired = ErrorBit | 5,
    Unknown = ErrorBit | 6,
    Shutdown = ErrorBit | 7,
    BlockSizeRequired = ErrorBit | 8,
    TooBig = ErrorBit | 9,
    ExtendedHeadersRequired = ErrorBit | 10,
}
