namespace Byre.Block.Graph;

/// <summary>
/// A file that would be opened only because an image names it: what an <see cref="ImplicitOpenPolicy"/> is asked.
/// Immutable.
/// </summary>
public sealed record ImplicitOpen
{
    /// <summary>The image that names the file.</summary>
    public required string ImageFileName { get; init; }

    /// <summary>
    /// The directory of the image, as <see cref="BlockNode.DirectoryName"/> gives it: with its protocol prefix and
    /// final slash, empty for the current one. Null where it has none.
    /// </summary>
    public string? ImageDirectory { get; init; }

    /// <summary>What the file is to the image: <see cref="ChildRole.Backing"/>, or its external data file.</summary>
    public required ChildRole Role { get; init; }

    /// <summary>The name as the image has it.</summary>
    public required string StoredName { get; init; }

    /// <summary>The name that would be opened.</summary>
    public required string FullName { get; init; }

    /// <summary>True where no format is known for the file, so that its content would decide on its format.</summary>
    public bool IsProbed { get; init; }

    /// <summary>"backing file" or "external data file".</summary>
    public string Kind => (Role & ChildRole.Backing) != 0 ? "backing file" : "external data file";
}
