namespace Byre.Qcow2.Layout;

/// <summary>
/// Where the LUKS header lies in the file. Source: specification, "Full disk encryption header pointer".
/// </summary>
/// <param name="Offset">Aligned to clusters.</param>
/// <param name="LengthBytes">Length as the file claims it: not bounded by anything but its reader.</param>
public readonly record struct CryptoHeaderPointer(HostOffset Offset, long LengthBytes)
{
    /// <summary>Bytes of the extension's content in the file.</summary>
    public const int ContentBytes = 16;
}
