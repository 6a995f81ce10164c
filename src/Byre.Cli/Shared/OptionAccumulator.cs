using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>Joins the lists of several <c>-o</c> into one. Not thread-safe.</summary>
internal sealed class OptionAccumulator
{
    /// <summary>All lists, joined by commas; null where none was given.</summary>
    public string? Text { get; private set; }

    /// <summary>True where one asks for help.</summary>
    public bool AsksForHelp => Text is not null && OptionText.AsksForHelp(Text);

    /// <summary>Adds a list.</summary>
    /// <exception cref="BlockException">The list cannot be joined with others.</exception>
    public void Add(string list)
    {
        if (!OptionText.IsJoinable(list))
            throw BlockException.Invalid($"Invalid option list: {list}");
        Text = Text is null ? list : Text + "," + list;
    }
}
