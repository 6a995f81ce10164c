namespace Byre.Qcow2.Layout;

/// <summary>
/// Features that a program which does not know them must clear before it writes to the image. Source: specification,
/// "Header", bytes 88-95.
/// </summary>
[Flags]
public enum AutoclearFeatures : ulong
{
    None = 0,

    /// <summary>The bitmaps extension is consistent with the guest's data.</summary>
    Bitmaps = 1,

    /// <summary>The external data file reads as the raw disk.</summary>
    DataFileRaw = 2,
}
