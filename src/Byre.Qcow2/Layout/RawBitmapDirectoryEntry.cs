using System.Runtime.InteropServices;

namespace Byre.Qcow2.Layout;

/// <summary>
/// The fixed part of a bitmap directory entry; extra data and name follow, padded to 8 bytes. Source: specification,
/// "Bitmap directory".
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct RawBitmapDirectoryEntry
{
    public U64Be TableOffset;
    public U32Be TableEntryCount;
    public U32Be Flags;
    public byte Type;
    public byte GranularityBits;
    public U16Be NameBytes;
    public U32Be ExtraBytes;
}
