namespace Byre.Conformance.Tests.Programs;

/// <summary>
/// The file of <c>write -s</c>: bytes none of which is like its neighbours, in a length that divides no cluster size,
/// so that data in the wrong place is seen.
/// </summary>
public static class PatternFile
{
    public const string Name = "pattern.bin";

    private const int LengthBytes = 4093;

    public static byte[] Content { get; } = MakeContent();

    /// <summary>What a write of <paramref name="destination"/>.Length bytes from the file writes.</summary>
    public static void Fill(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int count = Math.Min(destination.Length, LengthBytes);
            Content.AsSpan(0, count).CopyTo(destination);
            destination = destination[count..];
        }
    }

    private static byte[] MakeContent()
    {
        var bytes = new byte[LengthBytes];
        new Random(20).NextBytes(bytes);
        return bytes;
    }
}
