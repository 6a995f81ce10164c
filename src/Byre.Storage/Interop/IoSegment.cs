using System.Runtime.InteropServices;

namespace Byre.Storage.Interop;

/// <summary>The kernel's <c>struct iovec</c>: one pinned piece of memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct IoSegment(byte* start, nuint lengthBytes)
{
    public readonly byte* Start = start;
    public readonly nuint LengthBytes = lengthBytes;

    /// <summary>The first bytes of it, no more than <paramref name="maxBytes"/>.</summary>
    public IoSegment Shorten(nuint maxBytes) => new(Start, nuint.Min(LengthBytes, maxBytes));
}
