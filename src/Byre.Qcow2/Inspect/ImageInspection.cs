using Byre.Block.Formats;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Inspects a disk image that is not trusted: what it is, what it refers to, whether it may be used unattended. Reads
/// nothing but the source, and no more than <see cref="InspectionLimits"/> allow, whatever the image claims; opens
/// nothing. Stateless.
/// </summary>
public static class ImageInspection
{
    private const string Raw = "raw";
    private const int MiddleBytes = 64 << 10;

    /// <summary>Inspects an image.</summary>
    /// <param name="source">Its bytes.</param>
    /// <param name="options">What is said of it; null for nothing.</param>
    /// <param name="cancellation">Cancels between two reads.</param>
    /// <exception cref="Byre.Block.Errors.BlockException">The source cannot be read. Whatever is in it is a
    /// finding.</exception>
    public static async ValueTask<InspectionReport> RunAsync(
        InspectionSource source, InspectionOptions? options = null, CancellationToken cancellation = default)
    {
        var reader = new BoundedReader(source, cancellation);
        var context = new InspectionContext(reader, options ?? new InspectionOptions());
        byte[] start = new byte[FormatSignatures.HeaderBytes * 2];
        int there = await context.Reader.ReadAsync(0, start).ConfigureAwait(false);
        string format = FormatSignatures.Identify(start.AsSpan(0, there)) ?? Raw;
        await FindContentAsync(context, start, format).ConfigureAwait(false);
        if (format == Raw && context.FileBytes > 0)
            await InspectRawAsync(context).ConfigureAwait(false);
        else if (format == "qcow2")
            await new Qcow2Inspection(context).RunAsync().ConfigureAwait(false);
        else if (format != Raw)
            await ForeignInspection.RunAsync(context, format).ConfigureAwait(false);
        CheckDeclaration(context, format);
        if (reader.IsExhausted && context.IsComplete)
            context.LeaveOut("Not everything was examined: the image is too large for the budget of an inspection");
        return Conclude(context, format);
    }

    /// <summary>
    /// Looks for what a disk begins with. On a raw disk that is its content; in the file of another format it is a
    /// second meaning of the same bytes.
    /// </summary>
    private static async ValueTask FindContentAsync(InspectionContext context, byte[] start, string format)
    {
        byte[] sector = new byte[FormatSignatures.HeaderBytes];
        await context.Reader.ReadAsync(ContentSignatures.IsoDescriptorOffset, sector).ConfigureAwait(false);
        bool isIso = ContentSignatures.IsIsoDescriptor(sector);
        string? content = ContentSignatures.IsGuidPartitionTable(start) ? "gpt"
            : ContentSignatures.IsMasterBootRecord(start) ? "mbr" : null;
        string? footer = null;
        if (context.FileBytes >= ContentSignatures.FooterBytes)
        {
            long last = context.FileBytes - ContentSignatures.FooterBytes;
            await context.Reader.ReadAsync(last, sector).ConfigureAwait(false);
            footer = ContentSignatures.IdentifyFooter(sector);
        }

        // A hybrid disc image has a partition table as well.
        context.Content = isIso ? "iso9660" : content;
        if (format == Raw)
        {
            ReportRaw(context, footer);
            return;
        }

        // In a LUKS header the place of the boot signature holds random bytes.
        bool looksBootable = format != "luks" && ContentSignatures.HasBootSignature(start);
        string? second = context.Content ?? (looksBootable ? "a boot sector" : footer != format ? footer : null);
        context.Content = null;
        if (second is not null)
        {
            context.Findings.Danger(
                InspectionFindingIds.Polyglot,
                $"The file begins as {format} and is also {second}: what it holds depends on who reads");
        }
    }

    private static void ReportRaw(InspectionContext context, string? footer)
    {
        context.VirtualSizeBytes = context.FileBytes;
        if (context.Content is not null)
            context.Findings.Info(InspectionFindingIds.Content, $"The disk holds {context.Content}");
        if (footer is not null)
        {
            context.Findings.Warning(
                InspectionFindingIds.MagicInside,
                $"The last sector is that of a {footer} image: programs that look there take the file for one");
        }

        if (context.FileBytes % FormatSignatures.HeaderBytes != 0)
            context.Findings.Info(InspectionFindingIds.VirtualSize, "The last sector of the disk is not complete");
    }

    /// <summary>
    /// A disk that begins with sectors of zeroes, or a boot sector, and an image's header behind them: harmless as a
    /// raw disk, but somebody wanted it there.
    /// </summary>
    private static async ValueTask InspectRawAsync(InspectionContext context)
    {
        byte[] middle = new byte[MiddleBytes];
        int there = await context.Reader.ReadAsync(0, middle).ConfigureAwait(false);
        for (int at = FormatSignatures.HeaderBytes; at + FormatSignatures.HeaderBytes <= there;
            at += FormatSignatures.HeaderBytes)
        {
            if (FormatSignatures.Identify(middle.AsSpan(at, FormatSignatures.HeaderBytes)) is { } format)
            {
                context.Findings.Warning(
                    InspectionFindingIds.MagicInside,
                    $"At offset {at} of the disk there is the header of a {format} image");
            }
        }
    }

    private static void CheckDeclaration(InspectionContext context, string format)
    {
        if (context.Options.DeclaredFormat is { } declared)
        {
            string expected = declared switch
            {
                "vhd" => "vpc",
                "iso" => Raw,
                _ => declared,
            };
            if (expected != format || (declared == "iso" && context.Content != "iso9660"))
            {
                context.Findings.Danger(
                    InspectionFindingIds.FormatMismatch, $"The file is {format}, but was declared to be {declared}");
            }
        }

        if (context.VirtualSizeBytes is { } size && size > context.Options.MaxVirtualSizeBytes)
        {
            context.Findings.Danger(
                InspectionFindingIds.VirtualSize,
                $"The virtual disk of {size} bytes is larger than allowed");
        }
    }

    private static InspectionReport Conclude(InspectionContext context, string format)
    {
        InspectionFinding? danger = context.Findings.FirstDanger;
        string safe = context.IsComplete ? "No danger was found" : "No danger was found in what was examined";
        (InspectionVerdict verdict, string reason) = danger switch
        {
            not null => (InspectionVerdict.Unsafe, danger.Text),
            _ when context.FileBytes == 0 => (InspectionVerdict.NotAnImage, "The file is empty"),
            _ when format == Raw => (InspectionVerdict.Safe, $"{safe}; give the format raw wherever it is used"),
            _ => (InspectionVerdict.Safe, safe),
        };
        return new InspectionReport
        {
            Format = format,
            Content = context.Content,
            FileBytes = context.FileBytes,
            VirtualSizeBytes = context.VirtualSizeBytes,
            Verdict = verdict,
            Reason = reason,
            Findings = context.Findings.ToList(),
            BytesRead = context.Reader.BytesRead,
            Reads = context.Reader.Reads,
            EntriesExamined = context.Reader.EntriesExamined,
            IsComplete = context.IsComplete,
        };
    }
}
