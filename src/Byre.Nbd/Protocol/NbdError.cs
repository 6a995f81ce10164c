using Byre.Block.Errors;

namespace Byre.Nbd.Protocol;

/// <summary>The protocol's error numbers and how they relate to the kernel's. Stateless.</summary>
internal static class NbdError
{
    public const uint OperationNotPermitted = 1;
    public const uint InputOutput = 5;
    public const uint OutOfMemory = 12;
    public const uint Invalid = 22;
    public const uint NoSpace = 28;
    public const uint Overflow = 75;
    public const uint NotSupported = 95;
    public const uint Shutdown = 108;

    /// <summary>What a server sends for one of the kernel's numbers.</summary>
    public static uint FromErrno(int errno) => errno switch
    {
        Errno.None => 0,
        Errno.OperationNotPermitted or Errno.ReadOnlyFileSystem => OperationNotPermitted,
        Errno.InputOutput => InputOutput,
        Errno.OutOfMemory => OutOfMemory,
        Errno.QuotaExceeded or Errno.FileTooLarge or Errno.NoSpace => NoSpace,
        Errno.Overflow => Overflow,
        Errno.NotSupported => NotSupported,
        (int)Shutdown => Shutdown,
        _ => Invalid,
    };

    /// <summary>What a client makes of a number it received.</summary>
    public static int ToErrno(uint error) => error switch
    {
        OperationNotPermitted or InputOutput or OutOfMemory or NoSpace or Overflow or NotSupported or Shutdown =>
            (int)error,
        _ => Errno.Invalid,
    };
}
