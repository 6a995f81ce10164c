using System.Runtime.InteropServices;

namespace Byre.Storage.IoUring;

/// <summary>The kernel's <c>struct io_uring_cqe</c>: one operation that has ended.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CompletionEntry
{
    /// <summary>The token of the submission.</summary>
    public ulong Token;

    /// <summary>A count, or a negative error number.</summary>
    public int Result;

    public uint Flags;
}
