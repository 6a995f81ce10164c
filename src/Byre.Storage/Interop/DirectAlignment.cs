namespace Byre.Storage.Interop;

/// <summary>
/// What an open file demands of its transfers, in bytes (powers of two). Buffered files demand nothing.
/// </summary>
/// <param name="RequestBytes">Offsets and lengths are multiples of this.</param>
/// <param name="MemoryBytes">Buffer addresses are multiples of this.</param>
internal readonly record struct DirectAlignment(int RequestBytes, int MemoryBytes)
{
    /// <summary>No demand: the page cache is used.</summary>
    public static DirectAlignment None => new(1, 1);

    public bool IsDirect => StrictestBytes > 1;

    /// <summary>What satisfies both.</summary>
    public int StrictestBytes => Math.Max(RequestBytes, MemoryBytes);
}
