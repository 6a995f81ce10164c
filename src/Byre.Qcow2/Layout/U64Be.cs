using System.Buffers.Binary;

namespace Byre.Qcow2.Layout;

/// <summary>
/// A 64-bit unsigned number as it lies in the file: big-endian, without alignment. For wire structs only.
/// </summary>
internal readonly struct U64Be
{
    private readonly ulong _raw;

    private U64Be(ulong raw) => _raw = raw;

    /// <summary>The number in the machine's byte order.</summary>
    public ulong Value => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_raw) : _raw;

    public static implicit operator U64Be(ulong value) =>
        new(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);
}
