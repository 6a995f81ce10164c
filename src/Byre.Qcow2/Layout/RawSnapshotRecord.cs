using System.Runtime.InteropServices;

namespace Byre.Qcow2.Layout;

/// <summary>
/// The fixed part of a snapshot table entry; extra data, id and name follow, padded to 8 bytes. Source: specification,
/// "Snapshots".
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct RawSnapshotRecord
{
    public U64Be L1Offset;
    public U32Be L1EntryCount;
    public U16Be IdBytes;
    public U16Be NameBytes;
    public U32Be DateSeconds;
    public U32Be DateNanoseconds;
    public U64Be VmClockNanoseconds;
    public U32Be VmStateBytes;
    public U32Be ExtraBytes;
}
