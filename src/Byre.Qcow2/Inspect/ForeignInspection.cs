using System.Buffers.Binary;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Inspects images of formats that are recognised but not read here, as far as they can refer to other files.
/// Stateless.
/// </summary>
internal static class ForeignInspection
{
    private const int HeaderBytes = 1024;

    /// <summary>Inspects an image of the format that its first bytes told.</summary>
    public static async ValueTask RunAsync(InspectionContext context, string format)
    {
        byte[] header = new byte[HeaderBytes];
        await context.Reader.ReadAsync(0, header).ConfigureAwait(false);
        context.Findings.Info(
            InspectionFindingIds.UnsupportedFormat, $"Images of the format {format} are not read here");
        switch (format)
        {
            case "vmdk":
                await VmdkInspection.RunAsync(context, header).ConfigureAwait(false);
                break;
            case "vhdx":
                await VhdxInspection.RunAsync(context).ConfigureAwait(false);
                break;
            case "luks":
                context.Findings.Warning(
                    InspectionFindingIds.Encrypted, "The image is encrypted (LUKS): it needs a key");
                await LuksInspection.RunAsync(context, 0).ConfigureAwait(false);
                break;
            case "qcow":
                await InspectQcow1Async(context, header).ConfigureAwait(false);
                break;
            case "qed":
                await InspectQedAsync(context, header).ConfigureAwait(false);
                break;
            case "vdi":
                InspectVdi(context, header);
                break;
            case "vpc":
                InspectVhd(context, header);
                break;
            case "parallels":
                InspectParallels(context, header);
                break;
            default:
                context.Findings.Danger(
                    InspectionFindingIds.UnexaminedFormat,
                    $"What images of the format {format} refer to is not known here");
                break;
        }
    }

    // Source: the structure as the peer has it; all fields big-endian.
    private static async ValueTask InspectQcow1Async(InspectionContext context, byte[] header)
    {
        const int BackingOffset = 8;
        const int BackingBytes = 16;
        const int Size = 24;
        const int CryptMethod = 36;
        ulong offset = BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(BackingOffset));
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(BackingBytes));
        SetVirtualSize(context, BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(Size)));
        if (offset != 0 || length != 0)
            await ReportBackingFileAsync(context, offset, length).ConfigureAwait(false);
        if (BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(CryptMethod)) != 0)
            context.Findings.Warning(InspectionFindingIds.Encrypted, "The image is encrypted: it needs a key");
    }

    // Source: "QED Image File Format"; all fields little-endian.
    private static async ValueTask InspectQedAsync(InspectionContext context, byte[] header)
    {
        const int Features = 16;
        const int Size = 48;
        const int BackingOffset = 56;
        const int BackingBytes = 60;
        const ulong HasBacking = 1;
        const ulong NeedsCheck = 2;
        const ulong Known = HasBacking | NeedsCheck | 4;
        ulong features = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(Features));
        SetVirtualSize(context, BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(Size)));
        if ((features & HasBacking) != 0)
        {
            await ReportBackingFileAsync(
                context,
                BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(BackingOffset)),
                BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(BackingBytes))).ConfigureAwait(false);
        }

        if ((features & NeedsCheck) != 0)
            context.Findings.Warning(InspectionFindingIds.Dirty, "The image was not closed: it needs a check");
        if ((features & ~Known) != 0)
        {
            context.Findings.Danger(
                InspectionFindingIds.UnknownIncompatibleFeature,
                $"The image needs features that are not known: 0x{features & ~Known:x}");
        }
    }

    private static async ValueTask ReportBackingFileAsync(InspectionContext context, ulong offset, uint length)
    {
        byte[] bytes = new byte[Math.Min(length, Layout.FormatLimits.MaxBackingFileNameBytes + 1)];
        if (context.IsInFile(offset, (ulong)bytes.Length))
            await context.Reader.ReadAsync((long)offset, bytes).ConfigureAwait(false);
        string name = Layout.NameCodec.Decode(bytes);
        context.Findings.Danger(
            InspectionFindingIds.BackingFile, $"The image has the backing file {FindingList.Quote(name)}", name);
        NameGrader.Grade(context.Findings, "backing file", name);
    }

    // Source: the structure as the peer has it; all fields little-endian.
    private static void InspectVdi(InspectionContext context, ReadOnlySpan<byte> header)
    {
        const int ImageType = 0x4c;
        const int Size = 0x170;
        const int LinkIds = 0x1a8;
        const int LinkIdsBytes = 32;
        uint type = BinaryPrimitives.ReadUInt32LittleEndian(header[ImageType..]);
        SetVirtualSize(context, BinaryPrimitives.ReadUInt64LittleEndian(header[Size..]));
        if (type is not (1 or 2) || header.Slice(LinkIds, LinkIdsBytes).IndexOfAnyExcept((byte)0) >= 0)
        {
            context.Findings.Danger(
                InspectionFindingIds.BackingFile, $"The image (type {type}) is the difference to another one");
        }
    }

    // Source: "Virtual Hard Disk Image Format Specification"; all fields big-endian.
    private static void InspectVhd(InspectionContext context, ReadOnlySpan<byte> footer)
    {
        const int Size = 48;
        const int DiskType = 60;
        const uint Fixed = 2;
        const uint Dynamic = 3;
        uint type = BinaryPrimitives.ReadUInt32BigEndian(footer[DiskType..]);
        SetVirtualSize(context, BinaryPrimitives.ReadUInt64BigEndian(footer[Size..]));
        if (type is not (Fixed or Dynamic))
        {
            context.Findings.Danger(
                InspectionFindingIds.BackingFile, $"The image (type {type}) is the difference to another one");
        }
    }

    // Source: the peer's docs/interop/parallels.txt; all fields little-endian. The format has no names.
    private static void InspectParallels(InspectionContext context, ReadOnlySpan<byte> header)
    {
        const int Sectors = 36;
        const int InUse = 44;
        const uint InUseMark = 0x746F6E59;
        ulong sectors = BinaryPrimitives.ReadUInt64LittleEndian(header[Sectors..]);
        SetVirtualSize(context, sectors > long.MaxValue / 512 ? long.MaxValue : sectors * 512);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header[InUse..]) == InUseMark)
            context.Findings.Warning(InspectionFindingIds.Dirty, "The image was not closed: it needs a check");
    }

    private static void SetVirtualSize(InspectionContext context, ulong bytes)
    {
        context.VirtualSizeBytes = (long)Math.Min(bytes, long.MaxValue);
        if (bytes > InspectionLimits.LargeVirtualSizeBytes)
        {
            context.Findings.Warning(
                InspectionFindingIds.VirtualSize,
                $"The virtual disk of {bytes} bytes is larger than file systems allow");
        }
    }
}
