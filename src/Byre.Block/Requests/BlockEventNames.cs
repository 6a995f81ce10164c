using System.Text;

namespace Byre.Block.Requests;

/// <summary>
/// The names of <see cref="BlockEvent"/> in the peer's blkdebug configuration: lower case with underscores.
/// Stateless.
/// </summary>
public static class BlockEventNames
{
    private static readonly string[] Names = [.. Enum.GetNames<BlockEvent>().Select(ToSnakeCase)];

    /// <summary>"l2_alloc_cow_read".</summary>
    public static string NameOf(BlockEvent moment) => Names[(int)moment];

    /// <summary>The event called <paramref name="name"/>; null for none.</summary>
    public static BlockEvent? Find(string name) =>
        Array.IndexOf(Names, name) is var index and >= 0 ? (BlockEvent)index : null;

    private static string ToSnakeCase(string name)
    {
        var text = new StringBuilder();
        foreach (char letter in name)
        {
            if (char.IsAsciiLetterUpper(letter) && text.Length > 0)
                text.Append('_');
            text.Append(char.ToLowerInvariant(letter));
        }

        return text.ToString();
    }
}
