using Byre.Block.Requests;

namespace Byre.Block.Filters;

/// <summary>One request that a <see cref="WriteLogFilter"/> has seen. Immutable.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Range">Its bytes; empty for a flush.</param>
/// <param name="Flags">Its flags.</param>
public sealed record WriteLogEntry(WriteLogKind Kind, ByteRange Range, RequestFlags Flags)
{
    /// <summary>A copy of the bytes of a write; empty for others.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }
}
