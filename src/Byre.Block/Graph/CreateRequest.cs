namespace Byre.Block.Graph;

/// <summary>
/// What a driver is given to create an image. Values are normalised texts (sizes in decimal bytes, bools on/off).
/// </summary>
public sealed class CreateRequest
{
    /// <summary>The file to create; protocol prefixes allowed.</summary>
    public required string FileName { get; init; }

    /// <summary>Option name → text. "size" is always set (bytes, decimal).</summary>
    public required OptionSet Options { get; init; }

    /// <summary>Creates the file below and opens it (read-write).</summary>
    public required IImageCreator Creator { get; init; }
}
