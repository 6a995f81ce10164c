namespace Byre.Block.Errors;

/// <summary>
/// The error numbers of the Linux kernel that the block layer speaks of, and the texts that the C library gives them.
/// The same numbers and texts are used on every platform, so that messages compare equal to the peer's.
/// </summary>
public static class Errno
{
    public const int None = 0;
    public const int OperationNotPermitted = 1;
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int NoSuchDevice = 6;
    public const int BadFile = 9;
    public const int TryAgain = 11;
    public const int OutOfMemory = 12;
    public const int AccessDenied = 13;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int NotDirectory = 20;
    public const int IsDirectory = 21;
    public const int Invalid = 22;
    public const int TooManyFiles = 24;
    public const int TextBusy = 26;
    public const int FileTooLarge = 27;
    public const int NoSpace = 28;
    public const int IllegalSeek = 29;
    public const int ReadOnlyFileSystem = 30;
    public const int OutOfRange = 34;
    public const int NameTooLong = 36;
    public const int NoData = 61;
    public const int Protocol = 71;
    public const int Overflow = 75;
    public const int NotSupported = 95;
    public const int ConnectionRefused = 111;
    public const int QuotaExceeded = 122;
    public const int Cancelled = 125;
    public const int MediumType = 124;
    public const int NoKey = 126;

    /// <summary>The C library's text for <paramref name="errno"/>; "Unknown error N" where it has none.</summary>
    public static string Describe(int errno) =>
        (uint)errno < (uint)ErrnoTexts.All.Length && ErrnoTexts.All[errno] is { } text
            ? text
            : $"Unknown error {errno}";
}
