namespace Byre.Nbd.Protocol;

/// <summary>What an export can do, as a server tells its clients.</summary>
[Flags]
public enum TransmissionFlags : ushort
{
    None = 0,
    HasFlags = 1,
    ReadOnly = 1 << 1,
    SendFlush = 1 << 2,
    SendForceUnitAccess = 1 << 3,
    Rotational = 1 << 4,
    SendTrim = 1 << 5,
    SendWriteZeroes = 1 << 6,
    SendDoNotFragment = 1 << 7,

    /// <summary>A flush on one connection covers what was written on all of them.</summary>
    CanMultiConnect = 1 << 8,
    SendResize = 1 << 9,
    SendCache = 1 << 10,
    SendFastZero = 1 << 11,
    BlockStatusPayload = 1 << 12,
}
