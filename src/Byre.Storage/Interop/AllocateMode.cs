namespace Byre.Storage.Interop;

/// <summary>Modes of <c>fallocate</c>, in the kernel's numbers.</summary>
[Flags]
internal enum AllocateMode
{
    /// <summary>Allocates, and grows the file where the range ends beyond it.</summary>
    Default = 0,

    KeepSize = 1,

    /// <summary>Gives the space back; needs <see cref="KeepSize"/>.</summary>
    PunchHole = 2,

    ZeroRange = 16,
}
