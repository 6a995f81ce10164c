using System.Globalization;
using System.Text;
using Byre.Fuzz.Actions;

namespace Byre.Fuzz.Images;

/// <summary>
/// An image and what is done to it. As a text: comments, the steps, the file's length, and its rows of 32 bytes that
/// are not zero.
/// <code>
/// # why
/// steps Open:1 Write:2
/// length 4096
/// 000000 514649fb00000003...
/// </code>
/// </summary>
internal sealed record ImageCase(string SeedName, SparseImage Image, IReadOnlyList<FuzzStep> Steps)
{
    private const int RowBytes = 32;

    /// <summary>The text of a corpus file.</summary>
    public string ToText(string why)
    {
        var text = new StringBuilder();
        text.Append("# ").Append(why.Split('\n')[0]).Append('\n');
        text.AppendJoin(' ', ["steps", .. Steps.Select(step => step.ToString())]).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"length {Image.LengthBytes}\n");
        byte[] row = new byte[RowBytes];
        foreach (long page in Image.PageIndices)
        {
            for (int i = 0; i < SparseImage.PageBytes; i += RowBytes)
            {
                long offset = (page * SparseImage.PageBytes) + i;
                Image.Read(offset, row);
                ReadOnlySpan<byte> used = row.AsSpan().TrimEnd((byte)0);
                if (!used.IsEmpty)
                    text.Append(CultureInfo.InvariantCulture, $"{offset:x6} {Convert.ToHexStringLower(used)}\n");
            }
        }

        return text.ToString();
    }

    public static ImageCase Parse(string text)
    {
        var image = new SparseImage();
        FuzzStep[] steps = [];
        long length = 0;
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case [] or ["#", ..]:
                    break;
                case ["steps", ..]:
                    steps = [.. words.Skip(1).Select(FuzzStep.Parse)];
                    break;
                case ["length", string count]:
                    length = long.Parse(count, CultureInfo.InvariantCulture);
                    break;
                case [string offset, string bytes]:
                    image.Write(
                        long.Parse(offset, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
                        Convert.FromHexString(bytes));
                    break;
                default:
                    throw new FormatException($"not a line of a case: {line}");
            }
        }

        image.SetLength(length);
        return new ImageCase("file", image, steps);
    }
}
