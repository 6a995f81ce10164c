namespace Byre.Fuzz.Images;

/// <summary>A table of an image: its entries, and which of them are in use.</summary>
internal sealed record ImageTable(FieldKind Kind, long Offset, int EntryBytes, int EntryCount, int[] Used)
{
    public ImageField this[int index] => new(Kind, Offset + ((long)index * EntryBytes), EntryBytes);
}
