using System.Collections.Immutable;

namespace Byre.Qcow2.Layout;

/// <summary>A header extension that this build does not know: kept byte for byte and written back. Immutable.</summary>
/// <param name="Magic">Its type.</param>
/// <param name="Data">Its content without padding.</param>
public sealed record HeaderExtension(uint Magic, ImmutableArray<byte> Data)
{
    /// <summary>Ends the list of extensions.</summary>
    public const uint End = 0;

    /// <summary>The backing file's format.</summary>
    public const uint BackingFormat = 0xe2792aca;

    /// <summary>Names of feature bits: <see cref="FeatureNameTable"/>.</summary>
    public const uint FeatureTable = 0x6803f857;

    /// <summary>Where the LUKS header lies.</summary>
    public const uint CryptoHeader = 0x0537be77;

    /// <summary>Where the bitmap directory lies.</summary>
    public const uint Bitmaps = 0x23852875;

    /// <summary>The external data file's name.</summary>
    public const uint DataFile = 0x44415441;

    /// <summary>Bytes of the type and length before the content.</summary>
    public const int PrefixBytes = 8;

    /// <summary>Content is padded to a multiple of this many bytes.</summary>
    public const int AlignmentBytes = 8;

    /// <inheritdoc/>
    public bool Equals(HeaderExtension? other) =>
        other is not null && Magic == other.Magic && Data.AsSpan().SequenceEqual(other.Data.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Magic, Data.Length);
}
