using System.Runtime.InteropServices;

namespace Byre.Qcow2.Compression.Interop;

/// <summary>ZSTD_inBuffer and ZSTD_outBuffer, which have one shape: where, how long, how far.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ZstandardBuffer
{
    public byte* Start;
    public nuint Size;
    public nuint Position;
}
