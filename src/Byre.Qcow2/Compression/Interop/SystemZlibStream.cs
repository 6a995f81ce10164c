using System.Runtime.InteropServices;

namespace Byre.Qcow2.Compression.Interop;

/// <summary>
/// zlib's z_stream on a 64-bit Unix (long is 64 bits). A context points back at its stream, which so must not move.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SystemZlibStream
{
    public byte* NextInput;
    public uint InputLeft;
    public ulong TotalInput;
    public byte* NextOutput;
    public uint OutputLeft;
    public ulong TotalOutput;
    public byte* Message;
    public void* State;
    public void* Allocate;
    public void* Free;
    public void* Opaque;
    public int DataType;
    public ulong Checksum;
    public ulong Reserved;
}
