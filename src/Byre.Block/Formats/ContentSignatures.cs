using System.Buffers.Binary;

namespace Byre.Block.Formats;

/// <summary>
/// By which bytes the content of a raw disk is told, and formats whose mark is not at the start of the file. Stateless;
/// never throws.
/// </summary>
public static class ContentSignatures
{
    /// <summary>Where the volume descriptor of an ISO 9660 file system lies.</summary>
    public const int IsoDescriptorOffset = 0x8000;

    /// <summary>The footer of a VHD, and the trailer of a DMG, are the last sector of the file.</summary>
    public const int FooterBytes = 512;

    private const int SectorBytes = 512;
    private const int PartitionTableOffset = 446;
    private const int PartitionEntryBytes = 16;
    private const int PartitionCount = 4;
    private const byte ProtectiveType = 0xee;

    /// <summary>True where a sector ends as boot sectors and master boot records do, whatever else is in it.</summary>
    public static bool HasBootSignature(ReadOnlySpan<byte> sector) =>
        sector.Length >= SectorBytes && sector[510] == 0x55 && sector[511] == 0xaa;

    /// <summary>
    /// True where a sector is a master boot record with at least one partition. Boot sectors of file systems have the
    /// mark, too, but no table.
    /// </summary>
    public static bool IsMasterBootRecord(ReadOnlySpan<byte> sector)
    {
        if (!HasBootSignature(sector))
            return false;
        bool hasPartition = false;
        for (int i = 0; i < PartitionCount; i++)
        {
            int at = PartitionTableOffset + (i * PartitionEntryBytes);
            ReadOnlySpan<byte> entry = sector.Slice(at, PartitionEntryBytes);
            if ((entry[0] & 0x7f) != 0)
                return false;
            hasPartition |= entry[4] != 0 && BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]) != 0;
        }

        return hasPartition;
    }

    /// <summary>True where the first two sectors are those of a GUID partition table.</summary>
    public static bool IsGuidPartitionTable(ReadOnlySpan<byte> sectors) =>
        sectors.Length >= 2 * SectorBytes && IsMasterBootRecord(sectors)
        && sectors[PartitionTableOffset + 4] == ProtectiveType && sectors[SectorBytes..].StartsWith("EFI PART"u8);

    /// <summary>True for the sector at <see cref="IsoDescriptorOffset"/> of an ISO 9660 file system.</summary>
    public static bool IsIsoDescriptor(ReadOnlySpan<byte> sector) =>
        sector.Length > 6 && sector[1..].StartsWith("CD001"u8);

    /// <summary>The format whose mark the last sector of a file is: "vpc" or "dmg"; null for none.</summary>
    public static string? IdentifyFooter(ReadOnlySpan<byte> sector)
    {
        if (sector.StartsWith("conectix"u8))
            return "vpc";
        return sector.StartsWith("koly"u8) ? "dmg" : null;
    }
}
