using System.Buffers.Binary;
using System.Globalization;
using Byre.Block.Formats;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Inspects a VMDK image: which files its descriptor names. A descriptor on its own has all data in other files; one
/// that is embedded in a sparse extent describes that extent. Source: "Virtual Disk Format 5.0". Stateless.
/// <code>
/// RW 4192256 SPARSE "disk.vmdk"
/// RW 4192256 FLAT "disk-flat.vmdk" 0
/// </code>
/// </summary>
internal static class VmdkInspection
{
    private const uint SparseMagic = 0x4b444d56; // "KDMV"
    private const uint CowMagic = 0x434f5744; // "COWD"
    private const int SectorBytes = 512;

    public static async ValueTask RunAsync(InspectionContext context, byte[] header)
    {
        uint magic = BinaryPrimitives.ReadUInt32BigEndian(header);
        if (magic == SparseMagic)
        {
            await InspectSparseAsync(context, header).ConfigureAwait(false);
            return;
        }

        if (magic == CowMagic)
        {
            const int CowSectors = 12;
            context.VirtualSizeBytes =
                (long)BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(CowSectors)) * SectorBytes;
            return;
        }

        if (context.FileBytes > InspectionLimits.MaxDescriptorBytes)
            context.Findings.Danger(InspectionFindingIds.HeaderInvalid, "The descriptor is too long");
        await InspectDescriptorAsync(context, 0, context.FileBytes, isEmbedded: false).ConfigureAwait(false);
    }

    private static async ValueTask InspectSparseAsync(InspectionContext context, byte[] header)
    {
        const int Capacity = 12;
        const int DescriptorOffset = 28;
        const int DescriptorSize = 36;
        ulong capacity = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(Capacity));
        context.VirtualSizeBytes = (long)Math.Min(capacity, long.MaxValue / SectorBytes) * SectorBytes;
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(DescriptorOffset));
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(DescriptorSize));
        if (offset == 0)
        {
            context.Findings.Danger(
                InspectionFindingIds.ExtentFile, "The image is one extent of a disk, without its descriptor");
            return;
        }

        if (size > InspectionLimits.MaxDescriptorBytes / SectorBytes
            || offset > (ulong)context.FileBytes / SectorBytes
            || !context.IsInFile(offset * SectorBytes, size * SectorBytes))
        {
            context.Findings.Danger(
                InspectionFindingIds.HeaderInvalid, "The descriptor does not lie in the file, or is too long");
            return;
        }

        await InspectDescriptorAsync(context, (long)offset * SectorBytes, (long)size * SectorBytes, isEmbedded: true)
            .ConfigureAwait(false);
    }

    private static async ValueTask InspectDescriptorAsync(
        InspectionContext context, long offset, long lengthBytes, bool isEmbedded)
    {
        byte[] text = new byte[Math.Min(lengthBytes, InspectionLimits.MaxDescriptorBytes)];
        await context.Reader.ReadAsync(offset, text).ConfigureAwait(false);
        int end = text.AsSpan().IndexOf((byte)0);
        string descriptor = Layout.NameCodec.Decode(end < 0 ? text : text.AsSpan(0, end));
        if (isEmbedded && FormatSignatures.Identify(text) != "vmdk")
            context.Findings.Danger(InspectionFindingIds.HeaderInvalid, "The embedded descriptor is not one");
        string createType = "";
        int extents = 0;
        long sectors = 0;
        foreach (string rawLine in descriptor.Split('\n'))
        {
            if (!context.Reader.TryExamine())
            {
                context.LeaveOut("A part of the descriptor was not examined");
                context.Findings.Danger(InspectionFindingIds.HeaderInvalid, "The descriptor has too many lines");
                break;
            }

            string line = rawLine.Trim();
            if (TryValueOf(line, "createType") is { } type)
                createType = type;
            else if (TryValueOf(line, "parentCID") is { } parent && !IsNoParent(parent))
                context.Findings.Danger(InspectionFindingIds.BackingFile, "The image is the difference to another one");
            else if (TryValueOf(line, "parentFileNameHint") is { } hint)
                ReportParent(context, hint);
            else if (IsExtent(line))
                sectors += InspectExtent(context, line, ++extents, isEmbedded);
        }

        ReportType(context, createType, isEmbedded, extents);
        if (!isEmbedded && sectors > 0)
            context.VirtualSizeBytes = Math.Min(sectors, long.MaxValue / SectorBytes) * SectorBytes;
    }

    private static void ReportParent(InspectionContext context, string hint)
    {
        context.Findings.Danger(
            InspectionFindingIds.BackingFile, $"The image has the parent {FindingList.Quote(hint)}", hint);
        NameGrader.Grade(context.Findings, "parent", hint);
    }

    private static void ReportType(InspectionContext context, string createType, bool isEmbedded, int extents)
    {
        if (createType is not ("monolithicSparse" or "streamOptimized"))
        {
            context.Findings.Danger(
                InspectionFindingIds.ExtentFile,
                $"The type {FindingList.Quote(createType)} has its data in other files",
                createType);
        }
        else if (isEmbedded && extents != 1)
        {
            context.Findings.Danger(
                InspectionFindingIds.ExtentFile, $"The descriptor has {extents} extents where one is in the file");
        }
    }

    private static bool IsNoParent(string contentId) =>
        contentId.Equals("ffffffff", StringComparison.OrdinalIgnoreCase);

    private static bool IsExtent(string line) =>
        line.StartsWith("RW ", StringComparison.Ordinal) || line.StartsWith("RDONLY ", StringComparison.Ordinal)
        || line.StartsWith("NOACCESS ", StringComparison.Ordinal);

    /// <summary>Returns the extent's sectors.</summary>
    private static long InspectExtent(InspectionContext context, string line, int number, bool isEmbedded)
    {
        string[] words = line.Split(' ', 4, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string kind = words.Length > 2 ? words[2] : "";
        string rest = words.Length > 3 ? words[3] : "";
        int open = rest.IndexOf('"', StringComparison.Ordinal);
        int close = rest.LastIndexOf('"');
        string name = open >= 0 && close > open ? rest[(open + 1)..close] : rest;
        NameGrader.Grade(context.Findings, $"extent {number}", name);
        if (name.Contains('/', StringComparison.Ordinal))
        {
            context.Findings.Danger(
                InspectionFindingIds.UnsafeName, $"The name of the extent {FindingList.Quote(name)} is a path", name);
        }

        if (!isEmbedded || kind != "SPARSE")
        {
            context.Findings.Danger(
                InspectionFindingIds.ExtentFile,
                $"The extent {number} ({FindingList.Escape(kind)}) is the file {FindingList.Quote(name)}",
                name);
        }

        bool isNumber = long.TryParse(
            words.Length > 1 ? words[1] : "", NumberStyles.None, CultureInfo.InvariantCulture, out long sectors);
        return isNumber ? Math.Min(sectors, long.MaxValue / SectorBytes / InspectionLimits.MaxDescriptorBytes) : 0;
    }

    /// <summary>The value of <c>key=value</c> or <c>key = "value"</c>, as programs with loose parsers read
    /// it.</summary>
    private static string? TryValueOf(string line, string key)
    {
        if (!line.StartsWith(key, StringComparison.OrdinalIgnoreCase))
            return null;
        string rest = line[key.Length..].TrimStart();
        return rest.StartsWith('=') ? rest[1..].Trim().Trim('"') : null;
    }
}
