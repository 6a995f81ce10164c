namespace Byre.Qcow2.Layout;

/// <summary>How compressed clusters are compressed. Source: specification, "Header", byte 104.</summary>
public enum CompressionType
{
    /// <summary>Raw deflate (RFC 1951), a 12-bit window.</summary>
    Zlib = 0,

    /// <summary>Zstandard; needs <see cref="IncompatibleFeatures.CompressionType"/>.</summary>
    Zstd = 1,
}
