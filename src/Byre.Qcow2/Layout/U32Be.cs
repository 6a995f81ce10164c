using System.Buffers.Binary;

namespace Byre.Qcow2.Layout;

/// <summary>
/// A 32-bit unsigned number as it lies in the file: big-endian, without alignment. For wire structs only.
/// </summary>
internal readonly struct U32Be
{
    private readonly uint _raw;

    private U32Be(uint raw) => _raw = raw;

    /// <summary>The number in the machine's byte order.</summary>
    public uint Value => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_raw) : _raw;

    public static implicit operator U32Be(uint value) =>
        new(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);
}
