using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// Decides whether a file may be opened only because an image names it (its backing file, its external data file). An
/// image from a stranger can name any file of the host: a program that reads such images should deny, or ask.
/// The library's default is <see cref="AllowAll"/>, as the peer's. Immutable; the delegate may be called from any
/// thread.
/// </summary>
public sealed class ImplicitOpenPolicy
{
    private readonly Func<string, ChildRole, bool> _allows;

    /// <summary>
    /// A policy that asks <paramref name="allows"/>: the full file name, and what the file is to the image.
    /// </summary>
    public ImplicitOpenPolicy(Func<string, ChildRole, bool> allows) => _allows = allows;

    /// <summary>Everything may be opened.</summary>
    public static ImplicitOpenPolicy AllowAll { get; } = new((_, _) => true);

    /// <summary>Nothing may be opened: backing and data files must be given as options.</summary>
    public static ImplicitOpenPolicy DenyAll { get; } = new((_, _) => false);

    internal void Check(string fileName, ChildRole role)
    {
        if (!_allows(fileName, role))
        {
            throw new BlockException(
                BlockErrorKind.InvalidArgument,
                Errno.OperationNotPermitted,
                $"Opening '{fileName}', which is named by the image, is not allowed");
        }
    }
}
