namespace Byre.Cli.QemuImg;

/// <summary>A line of <c>map</c>: a run of the disk with one status. Offsets and lengths are in bytes.</summary>
internal readonly record struct MapEntry
{
    public long Start { get; init; }

    public long Length { get; init; }

    /// <summary>0 for the top image, 1 for its backing file, and so on.</summary>
    public int Depth { get; init; }

    public bool IsPresent { get; init; }

    public bool IsZero { get; init; }

    public bool IsData { get; init; }

    public bool IsCompressed { get; init; }

    /// <summary>Where the bytes lie in <see cref="FileName"/>; null where they lie nowhere as they are.</summary>
    public long? HostOffset { get; init; }

    public string? FileName { get; init; }

    /// <summary>True where <paramref name="next"/>, which follows, can be told in the same line.</summary>
    public bool CanAppend(in MapEntry next) =>
        Length > 0
        && IsZero == next.IsZero
        && IsData == next.IsData
        && IsCompressed == next.IsCompressed
        && Depth == next.Depth
        && IsPresent == next.IsPresent
        && FileName == next.FileName
        && HostOffset is null == next.HostOffset is null
        && (HostOffset is null || HostOffset + Length == next.HostOffset);
}
