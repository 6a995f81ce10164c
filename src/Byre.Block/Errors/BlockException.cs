namespace Byre.Block.Errors;

/// <summary>
/// A failure of the environment or of the caller: never a bug of ours (that is <see cref="InvariantException"/>),
/// never a finding about an image (that is a diagnostic of the checker). Immutable; may cross threads.
/// <see cref="Exception.Message"/> is the text a user sees after the program's prefix, in the peer's words where it
/// has some.
/// </summary>
public class BlockException : Exception
{
    public BlockException(BlockErrorKind kind, int errno, string message, Exception? inner = null)
        : base(message, inner)
    {
        Kind = kind;
        Errno = errno;
    }

    /// <summary>The class of failure.</summary>
    public BlockErrorKind Kind { get; }

    /// <summary>The error number, as in <see cref="Errors.Errno"/>; never zero.</summary>
    public int Errno { get; }

    /// <summary>
    /// Further lines for a human, each ended by a line feed, printed after the message; null where there are none.
    /// </summary>
    public string? Hint { get; init; }

    /// <summary>A failed storage operation: the message is the error number's text.</summary>
    public static BlockException FromErrno(int errno) => new(KindOf(errno), errno, Errors.Errno.Describe(errno));

    /// <summary>
    /// A failed storage operation with a text that says what was tried: "<paramref name="what"/>: Input/output
    /// error".
    /// </summary>
    public static BlockException FromErrno(string what, int errno) =>
        new(KindOf(errno), errno, $"{what}: {Errors.Errno.Describe(errno)}");

    /// <summary>A wrong argument or option (EINVAL) with its text.</summary>
    public static BlockException Invalid(string message) =>
        new(BlockErrorKind.InvalidArgument, Errors.Errno.Invalid, message);

    /// <summary>Something this build cannot do (ENOTSUP) with its text.</summary>
    public static BlockException NotSupported(string message) =>
        new(BlockErrorKind.Unsupported, Errors.Errno.NotSupported, message);

    /// <summary>The same failure with <paramref name="prefix"/> put before its message; the hint is kept.</summary>
    public virtual BlockException Prepend(string prefix) => new(Kind, Errno, prefix + Message, this) { Hint = Hint };

    private static BlockErrorKind KindOf(int errno) => errno switch
    {
        Errors.Errno.NoEntry => BlockErrorKind.NotFound,
        Errors.Errno.NoSpace or Errors.Errno.QuotaExceeded or Errors.Errno.FileTooLarge => BlockErrorKind.NoSpace,
        Errors.Errno.Invalid => BlockErrorKind.InvalidArgument,
        Errors.Errno.NotSupported => BlockErrorKind.Unsupported,
        Errors.Errno.AccessDenied or Errors.Errno.ReadOnlyFileSystem or Errors.Errno.OperationNotPermitted =>
            BlockErrorKind.ReadOnly,
        _ => BlockErrorKind.InputOutput,
    };
}
