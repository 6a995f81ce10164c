using System.Buffers.Binary;

namespace Byre.Qcow2.Layout;

/// <summary>
/// A 16-bit unsigned number as it lies in the file: big-endian, without alignment. For wire structs only.
/// </summary>
internal readonly struct U16Be
{
    private readonly ushort _raw;

    private U16Be(ushort raw) => _raw = raw;

    /// <summary>The number in the machine's byte order.</summary>
    public ushort Value => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_raw) : _raw;

    public static implicit operator U16Be(ushort value) =>
        new(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);
}
