namespace Byre.Block.Bitmaps;

/// <summary>A dirty bitmap that an image stores.</summary>
/// <param name="Name">Unique in the image.</param>
/// <param name="GranularityBytes">Guest bytes that one bit stands for; a power of two.</param>
/// <param name="IsConsistent">False where its last writer did not store it: what it says is worth nothing.</param>
public sealed record BitmapDescription(string Name, long GranularityBytes, bool IsConsistent);
