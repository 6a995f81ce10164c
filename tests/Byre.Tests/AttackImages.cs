using System.Buffers.Binary;
using System.Text;

namespace Byre.Tests;

/// <summary>The images of published attacks, byte by byte. Stateless.</summary>
internal static class AttackImages
{
    private const int ClusterBytes = 65536;
    private const int HeaderBytes = 112;
    private const uint BackingFormatMagic = 0xe2792aca;
    private const uint DataFileMagic = 0x44415441;

    /// <summary>Size of the virtual disks.</summary>
    public const int DiskBytes = 1 << 20;

    /// <summary>
    /// A sound, empty qcow2 image of 1 MiB: header, refcount table, refcount block, L1 table.
    /// </summary>
    public static byte[] Qcow2(string? backingFile = null, string? backingFormat = null, string? dataFile = null)
    {
        byte[] image = new byte[(3 * ClusterBytes) + 8];
        Put32(image, 0, 0x514649fb);
        Put32(image, 4, 3);
        Put32(image, 20, 16);
        Put64(image, 24, DiskBytes);
        Put32(image, 36, 1);
        Put64(image, 40, 3 * ClusterBytes);
        Put64(image, 48, ClusterBytes);
        Put32(image, 56, 1);
        Put64(image, 72, dataFile is null ? 0UL : 4);
        Put64(image, 88, dataFile is null ? 0UL : 2);
        Put32(image, 96, 4);
        Put32(image, 100, HeaderBytes);
        int at = HeaderBytes;
        if (backingFormat is not null)
            at = PutExtension(image, at, BackingFormatMagic, backingFormat);
        if (dataFile is not null)
            at = PutExtension(image, at, DataFileMagic, dataFile);
        at += 8;
        if (backingFile is not null)
        {
            Put64(image, 8, (ulong)at);
            Put32(image, 16, (uint)Encoding.UTF8.GetBytes(backingFile, image.AsSpan(at)));
        }

        Put64(image, ClusterBytes, 2 * ClusterBytes);
        for (int cluster = 0; cluster < 4; cluster++)
            BinaryPrimitives.WriteUInt16BigEndian(image.AsSpan((2 * ClusterBytes) + (2 * cluster)), 1);
        return image;
    }

    /// <summary>A qcow2 image that has all its data in another file, as if that were the raw disk.</summary>
    public static byte[] Qcow2WithRawDataFile(string dataFile)
    {
        const int L2Offset = 4 * ClusterBytes;
        byte[] image = new byte[L2Offset + ClusterBytes];
        Qcow2(dataFile: dataFile).CopyTo(image, 0);
        Put64(image, 3 * ClusterBytes, (1UL << 63) | L2Offset);
        BinaryPrimitives.WriteUInt16BigEndian(image.AsSpan((2 * ClusterBytes) + 8), 1);
        for (int cluster = 0; cluster < DiskBytes / ClusterBytes; cluster++)
            Put64(image, L2Offset + (8 * cluster), (1UL << 63) | ((ulong)cluster * ClusterBytes));
        return image;
    }

    /// <summary>A VMDK descriptor whose only extent is another file.</summary>
    public static byte[] FlatVmdk(string extentFile) => Encoding.ASCII.GetBytes(
        "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n\n"
        + $"# Extent description\nRW {DiskBytes / 512} FLAT \"{extentFile}\" 0\n\n"
        + "# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"4\"\nddb.adapterType = \"ide\"\n");

    /// <summary>A raw disk over whose start its guest has written an image.</summary>
    public static byte[] RawDiskWith(byte[] image)
    {
        byte[] disk = new byte[DiskBytes];
        image.CopyTo(disk, 0);
        return disk;
    }

    private static int PutExtension(byte[] image, int at, uint magic, string content)
    {
        int length = Encoding.UTF8.GetBytes(content, image.AsSpan(at + 8));
        Put32(image, at, magic);
        Put32(image, at + 4, (uint)length);
        return at + 8 + ((length + 7) & -8);
    }

    private static void Put32(byte[] image, int at, uint value) =>
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(at), value);

    private static void Put64(byte[] image, int at, ulong value) =>
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(at), value);
}
