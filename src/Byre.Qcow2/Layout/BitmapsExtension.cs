namespace Byre.Qcow2.Layout;

/// <summary>
/// The bitmaps extension: how many persistent bitmaps there are and where their directory lies. Source: specification,
/// "Bitmaps extension".
/// </summary>
/// <param name="Count">At least 1, at most <see cref="FormatLimits.MaxBitmaps"/>.</param>
/// <param name="DirectoryOffset">Aligned to clusters.</param>
/// <param name="DirectoryBytes">Length of all directory entries, at most
/// <see cref="FormatLimits.MaxBitmapDirectoryBytes"/>.</param>
public readonly record struct BitmapsExtension(int Count, HostOffset DirectoryOffset, int DirectoryBytes)
{
    /// <summary>Bytes of the extension's content in the file.</summary>
    public const int ContentBytes = 24;
}
