using Byre.Block.Errors;

namespace Byre.Storage.Portable;

/// <summary>Turns .NET's file exceptions into error numbers. Stateless.</summary>
internal static class PortableErrors
{
    private const int Win32Facility = unchecked((int)0x80070000);
    private const int DarwinNoSpace = 28;

    public static int ErrnoOf(Exception exception) => exception switch
    {
        FileNotFoundException or DirectoryNotFoundException => Errno.NoEntry,
        UnauthorizedAccessException => Errno.AccessDenied,
        PathTooLongException => Errno.NameTooLong,
        _ => OfResult(exception.HResult),
    };

    // On Windows the result is an HRESULT around a Win32 error; elsewhere it is the system's error number.
    private static int OfResult(int result)
    {
        const int sharingViolation = 32;
        const int lockViolation = 33;
        const int handleDiskFull = 39;
        const int fileExists = 80;
        const int diskFull = 112;
        if ((result & ~0xFFFF) != Win32Facility)
            return result == DarwinNoSpace ? Errno.NoSpace : Errno.InputOutput;
        return (result & 0xFFFF) switch
        {
            sharingViolation or lockViolation => Errno.TryAgain,
            handleDiskFull or diskFull => Errno.NoSpace,
            fileExists => Errno.Exists,
            _ => Errno.InputOutput,
        };
    }
}
