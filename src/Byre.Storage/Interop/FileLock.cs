using System.Runtime.InteropServices;

namespace Byre.Storage.Interop;

/// <summary>The kernel's <c>struct flock</c> on 64-bit Linux.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FileLock
{
    public short Type;
    public short Whence;
    public long Start;
    public long Length;
    public int Process;
}
