namespace Byre.Fuzz.Images;

/// <summary>What a field of an image is, which decides the values that are tried in it.</summary>
internal enum FieldKind
{
    /// <summary>Anything else.</summary>
    Number,

    /// <summary>A length, a count, a width.</summary>
    Size,

    /// <summary>A place in the file.</summary>
    Offset,

    /// <summary>Bits.</summary>
    Flags,

    /// <summary>An entry of the L1, refcount or bitmap table: a place, with bits.</summary>
    Pointer,

    /// <summary>An entry of an L2 table.</summary>
    L2Entry,

    /// <summary>Bits of an L2 entry's subclusters.</summary>
    SubclusterBitmap,

    /// <summary>A reference count.</summary>
    Refcount,

    /// <summary>The type of a header extension.</summary>
    ExtensionType,
}
