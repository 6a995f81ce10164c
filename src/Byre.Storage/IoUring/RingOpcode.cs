namespace Byre.Storage.IoUring;

/// <summary>The operations of the kernel's rings that are used here (<c>enum io_uring_op</c>).</summary>
internal enum RingOpcode : byte
{
    ReadVector = 1,
    WriteVector = 2,
    Synchronise = 3,
    Poll = 6,
    Read = 22,
    Write = 23,
    Receive = 27,
}
