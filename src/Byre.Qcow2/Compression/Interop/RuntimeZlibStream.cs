using System.Runtime.InteropServices;

namespace Byre.Qcow2.Compression.Interop;

/// <summary>
/// The stream that the .NET runtime's compression library takes: its own struct, not zlib's. The library keeps the real
/// z_stream behind <see cref="State"/>, so that this one may move between calls.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RuntimeZlibStream
{
    public byte* NextInput;
    public byte* NextOutput;
    public byte* Message;
    public void* State;
    public uint InputLeft;
    public uint OutputLeft;
}
