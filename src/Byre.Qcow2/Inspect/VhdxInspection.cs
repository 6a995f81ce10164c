using System.Buffers.Binary;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Inspects a VHDX image: whether it has a parent. Source: "[MS-VHDX]: Virtual Hard Disk v2 (VHDX) File Format",
/// sections 2.2.3 (region table) and 2.6 (metadata); little-endian. Stateless.
/// </summary>
internal static class VhdxInspection
{
    private const int RegionTableOffset = 192 << 10;
    private const int HeaderBytes = 16;
    private const int MetadataHeaderBytes = 32;
    private const int EntryBytes = 32;
    private const int MaxEntries = 2047;
    private const uint HasParent = 2;

    private static readonly Guid s_metadataRegion = new("8B7CA206-4790-4B9A-B8FE-575F050F886E");
    private static readonly Guid s_fileParameters = new("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
    private static readonly Guid s_virtualDiskSize = new("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
    private static readonly Guid s_parentLocator = new("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");

    public static async ValueTask RunAsync(InspectionContext context)
    {
        byte[] header = new byte[HeaderBytes];
        await context.Reader.ReadAsync(RegionTableOffset, header).ConfigureAwait(false);
        int count = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)), MaxEntries);
        byte[] entry = new byte[EntryBytes];
        for (int i = 0; header.AsSpan().StartsWith("regi"u8) && i < count && context.Reader.TryExamine(); i++)
        {
            await context.Reader.ReadAsync(RegionTableOffset + HeaderBytes + (i * EntryBytes), entry)
                .ConfigureAwait(false);
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(entry.AsSpan(16));
            if (new Guid(entry.AsSpan(0, 16)) == s_metadataRegion && context.IsInFile(offset, MetadataHeaderBytes))
            {
                await InspectMetadataAsync(context, (long)offset).ConfigureAwait(false);
                return;
            }
        }

        context.Findings.Danger(InspectionFindingIds.HeaderInvalid, "The image has no metadata region");
    }

    private static async ValueTask InspectMetadataAsync(InspectionContext context, long region)
    {
        byte[] header = new byte[MetadataHeaderBytes];
        await context.Reader.ReadAsync(region, header).ConfigureAwait(false);
        int count = Math.Min((int)BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(10)), MaxEntries);
        bool hasParameters = false;
        byte[] entry = new byte[EntryBytes];
        byte[] item = new byte[8];
        for (int i = 0; header.AsSpan().StartsWith("metadata"u8) && i < count && context.Reader.TryExamine(); i++)
        {
            await context.Reader.ReadAsync(region + MetadataHeaderBytes + (i * EntryBytes), entry)
                .ConfigureAwait(false);
            var id = new Guid(entry.AsSpan(0, 16));
            long offset = region + BinaryPrimitives.ReadUInt32LittleEndian(entry.AsSpan(16));
            await context.Reader.ReadAsync(offset, item).ConfigureAwait(false);
            if (id == s_virtualDiskSize)
                context.VirtualSizeBytes = BinaryPrimitives.ReadInt64LittleEndian(item) & long.MaxValue;
            bool isParameters = id == s_fileParameters;
            hasParameters |= isParameters;
            bool hasParent = isParameters && (BinaryPrimitives.ReadUInt32LittleEndian(item.AsSpan(4)) & HasParent) != 0;
            if (hasParent || id == s_parentLocator)
                context.Findings.Danger(InspectionFindingIds.BackingFile, "The image is the difference to another one");
        }

        if (!hasParameters)
            context.Findings.Danger(InspectionFindingIds.HeaderInvalid, "The image has no file parameters");
    }
}
