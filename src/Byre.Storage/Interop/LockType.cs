namespace Byre.Storage.Interop;

/// <summary>Kinds of byte-range locks, in the kernel's numbers.</summary>
internal enum LockType : short
{
    Read = 0,
    Write = 1,
    Unlocked = 2,
}
