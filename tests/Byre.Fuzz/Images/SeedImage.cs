namespace Byre.Fuzz.Images;

/// <summary>A sound image that mutants are made from. Immutable.</summary>
internal sealed record SeedImage(string Name, SparseImage Image, ImageMap Map);
