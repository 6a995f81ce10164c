namespace Byre.Fuzz.Images;

/// <summary>A number somewhere in an image, big-endian.</summary>
internal readonly record struct ImageField(FieldKind Kind, long Offset, int WidthBytes);
