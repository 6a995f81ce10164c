using System.Buffers.Binary;

namespace Byre.Block.Formats;

/// <summary>
/// By which first bytes image formats are told apart, those included that no driver here reads: the same answers as the
/// peer's probing, whose names are used. Stateless; never throws.
/// </summary>
public static class FormatSignatures
{
    /// <summary>Bytes that suffice to recognise every format here.</summary>
    public const int HeaderBytes = 512;

    private const int VdiSignatureOffset = 64;
    private const uint VdiSignature = 0xbeda107f;

    /// <summary>
    /// The format that begins with <paramref name="header"/>, the first bytes of a file: "qcow2", "qcow", "qed",
    /// "vmdk", "vdi", "vpc", "vhdx", "parallels", "luks", "bochs" or "cloop"; null for none.
    /// </summary>
    public static string? Identify(ReadOnlySpan<byte> header)
    {
        if (header.Length < 8)
            return null;
        uint magic = BinaryPrimitives.ReadUInt32BigEndian(header);
        uint version = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        switch (magic)
        {
            case 0x514649fb: // "QFI\xfb"
                return version == 1 ? "qcow" : version >= 2 ? "qcow2" : null;
            case 0x51454400: // "QED\0"
                return "qed";
            case 0x4b444d56 or 0x434f5744: // "KDMV", "COWD"
                return "vmdk";
        }

        if (header.StartsWith("conectix"u8))
            return "vpc";
        if (header.StartsWith("vhdxfile"u8))
            return "vhdx";
        if (magic == 0x4c554b53 && version >> 16 == 0xbabe) // "LUKS\xba\xbe"
            return "luks";
        if (header.StartsWith("WithoutFreeSpace"u8) || header.StartsWith("WithouFreSpacExt"u8))
            return "parallels";
        if (header.StartsWith("Bochs Virtual HD Image\0"u8))
            return "bochs";
        if (header.StartsWith("#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 "u8))
            return "cloop";
        if (header.Length >= VdiSignatureOffset + 4
            && BinaryPrimitives.ReadUInt32LittleEndian(header[VdiSignatureOffset..]) == VdiSignature)
        {
            return "vdi";
        }

        return IsVmdkDescriptor(header) ? "vmdk" : null;
    }

    /// <summary>
    /// A VMDK descriptor is text: comments and blank lines, then "version=1", 2 or 3.
    /// </summary>
    private static bool IsVmdkDescriptor(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? text : text[..end];
            text = end < 0 ? [] : text[(end + 1)..];
            line = line.TrimEnd((byte)'\r');
            if (line.StartsWith((byte)'#') || (line.Length > 0 && line.IndexOfAnyExcept((byte)' ') < 0))
                continue;
            return end >= 0 && line.Length == "version=1".Length && line.StartsWith("version="u8)
                && line[^1] is >= (byte)'1' and <= (byte)'3';
        }

        return false;
    }
}
