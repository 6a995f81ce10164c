namespace Byre.Nbd.Protocol;

/// <summary>The facts of an export that are told during the handshake.</summary>
internal enum InfoCode : ushort
{
    Export = 0,
    Name = 1,
    Description = 2,
    BlockSize = 3,
}
