namespace Byre.Nbd.Protocol;

/// <summary>What a server says of itself in its greeting, and a client in its answer.</summary>
[Flags]
internal enum HandshakeFlags : uint
{
    None = 0,

    /// <summary>Options may be answered with an error.</summary>
    FixedNewStyle = 1,

    /// <summary>The answer to <see cref="OptionCode.ExportName"/> ends without 124 zero bytes.</summary>
    NoZeroes = 2,
}
