namespace Byre.Qcow2.Layout;

/// <summary>How guest data is encrypted. Source: specification, "Header", bytes 32-35.</summary>
public enum CryptMethod
{
    None = 0,

    /// <summary>
    /// AES-CBC with the guest sector as initialisation vector: broken by design, kept for old images.
    /// </summary>
    Aes = 1,

    /// <summary>LUKS, its header in the file at <see cref="ImageHeader.CryptoHeader"/>.</summary>
    Luks = 2,
}
