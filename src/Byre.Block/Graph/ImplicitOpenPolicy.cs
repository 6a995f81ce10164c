using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// Decides whether a file may be opened only because an image names it (its backing file, its external data file). An
/// image from a stranger can name any file of the host, so the libraries deny unless told otherwise; the program, which
/// behaves as the peer, allows. Immutable; the delegate may be called from any thread.
/// </summary>
public sealed class ImplicitOpenPolicy
{
    private const string LibraryRemedy =
        "set an ImplicitOpenPolicy that allows it, or name the file in the options";

    private readonly Func<ImplicitOpen, string?> _refuse;
    private readonly string _remedy;

    /// <summary>A policy of one's own.</summary>
    /// <param name="refuse">Why a file may not be opened, as the end of a sentence ("its name is absolute"); null
    /// where it may.</param>
    /// <param name="remedy">What the message tells the user to do instead; null for the library's words.</param>
    public ImplicitOpenPolicy(Func<ImplicitOpen, string?> refuse, string? remedy = null)
    {
        _refuse = refuse;
        _remedy = remedy ?? LibraryRemedy;
    }

    /// <summary>Everything may be opened: for images that one has made oneself.</summary>
    public static ImplicitOpenPolicy AllowAll { get; } = new(static _ => null);

    /// <summary>Nothing may be opened: backing and data files must be given as options.</summary>
    public static ImplicitOpenPolicy DenyAll { get; } =
        new(static _ => "files that only an image names are not opened");

    /// <summary>
    /// Only files in the directory of the image that names them, or below it: no absolute name, no protocol, no
    /// "json:", no "..", no symbolic link that leads out, and no file whose format is not recorded. All images in that
    /// directory should belong to one owner. Links are looked at when the file is about to be opened: whoever can
    /// change the directory meanwhile is trusted.
    /// </summary>
    public static ImplicitOpenPolicy WithinDirectory { get; } = new(DirectoryConfinement.Refuse);

    /// <summary>The same policy with other words on what to do instead.</summary>
    public ImplicitOpenPolicy WithRemedy(string remedy) => new(_refuse, remedy);

    /// <summary>Refuses a file that may not be opened.</summary>
    /// <exception cref="BlockException">EPERM: with the image, the kind of reference, the name, a remedy.</exception>
    public void Check(ImplicitOpen open)
    {
        if (_refuse(open) is not { } reason)
            return;
        throw new BlockException(
            BlockErrorKind.InvalidArgument,
            Errno.OperationNotPermitted,
            $"Image '{open.ImageFileName}' names the {open.Kind} '{open.StoredName}', which is not allowed: {reason} "
            + $"({_remedy})");
    }
}
