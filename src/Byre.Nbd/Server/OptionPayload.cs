using System.Buffers.Binary;
using System.Text;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>Reads what follows an option's header, piece by piece.</summary>
internal ref struct OptionPayload(OptionCode option, ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly bool IsEmpty => _rest.IsEmpty;

    /// <exception cref="InvalidOptionException">Too few bytes are left.</exception>
    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32BigEndian(Take(sizeof(uint)));

    /// <exception cref="InvalidOptionException">Too few bytes are left.</exception>
    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16BigEndian(Take(sizeof(ushort)));

    /// <summary>A length and an export's name.</summary>
    /// <exception cref="InvalidOptionException">Too few bytes are left, or it is no name.</exception>
    public string ReadName()
    {
        uint length = ReadUInt32();
        if (length > NbdLimits.MaxStringBytes)
            throw new InvalidOptionException($"Invalid name length: {length}");
        return ReadText((int)length);
    }

    /// <summary>A length and a query; null where it is longer than anything that could match.</summary>
    /// <exception cref="InvalidOptionException">Too few bytes are left, or it is no text.</exception>
    public string? ReadQuery()
    {
        uint length = ReadUInt32();
        if (length <= NbdLimits.MaxStringBytes)
            return ReadText((int)length);
        Take(length);
        return null;
    }

    private string ReadText(int length)
    {
        ReadOnlySpan<byte> text = Take((uint)length);
        if (text.Contains((byte)0))
            throw new InvalidOptionException($"Unexpected embedded NUL in option {NbdNames.Of(option)}");
        return Encoding.UTF8.GetString(text);
    }

    private ReadOnlySpan<byte> Take(uint count)
    {
        if (count > (uint)_rest.Length)
            throw new InvalidOptionException($"Inconsistent lengths in option {NbdNames.Of(option)}");
        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }
}
