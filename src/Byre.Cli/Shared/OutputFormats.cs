using Byre.Block.Errors;

namespace Byre.Cli.Shared;

/// <summary>Reads <see cref="OutputFormat"/>.</summary>
internal static class OutputFormats
{
    /// <summary>The format called <paramref name="text"/>; human where it is null.</summary>
    /// <exception cref="BlockException">There is no such format.</exception>
    public static OutputFormat Parse(string? text) => text switch
    {
        null or "human" => OutputFormat.Human,
        "json" => OutputFormat.Json,
        _ => throw BlockException.Invalid("--output must be used with human or json as argument."),
    };
}
