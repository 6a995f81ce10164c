using System.Runtime.InteropServices;

namespace Byre.Storage.IoUring;

/// <summary>The kernel's <c>struct io_uring_sqe</c>: one operation to begin.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct SubmissionEntry
{
    public RingOpcode Opcode;
    public byte Flags;
    public ushort Priority;
    public int Descriptor;
    public long Offset;
    public void* Address;
    public uint Length;

    /// <summary>Flags of the operation, such as <see cref="DataOnly"/>.</summary>
    public uint OperationFlags;

    /// <summary>Comes back with the completion.</summary>
    public ulong Token;

    /// <summary>Of a synchronisation: fdatasync, not fsync.</summary>
    public const uint DataOnly = 1;
}
