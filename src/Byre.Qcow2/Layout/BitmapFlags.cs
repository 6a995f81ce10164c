namespace Byre.Qcow2.Layout;

/// <summary>Flags of a persistent bitmap. Source: specification, "Bitmap directory".</summary>
[Flags]
public enum BitmapFlags : uint
{
    None = 0,

    /// <summary>A program has it in memory, or had and did not save it: what is stored is inconsistent.</summary>
    InUse = 1,

    /// <summary>The bitmap is to be enabled when the image is opened.</summary>
    Auto = 2,

    /// <summary>Both.</summary>
    Known = InUse | Auto,
}
