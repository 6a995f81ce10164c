using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Fuzz.Images;
using Byre.Qcow2.Inspect;

namespace Byre.Fuzz.Actions;

/// <content>
/// The inspection of the image before anything else is done to it: it never fails, keeps its limits, and calls nothing
/// safe that cannot be opened.
/// </content>
internal sealed partial class ImageCaseRunner
{
    private void Inspect()
    {
        InspectionReport report = ImageInspection.RunAsync(new Source(_image)).AsTask().GetAwaiter().GetResult();
        foreach (InspectionFinding finding in report.Findings)
            NoteDiagnostic(finding.Id);
        bool keepsLimits = report.BytesRead <= InspectionLimits.MaxBytesRead
            && report.Reads <= InspectionLimits.MaxReads && report.EntriesExamined <= InspectionLimits.MaxEntries;
        if (!keepsLimits)
            _result.Fail("inspection beyond its limits", report.ToString());
        bool isPlainSafe = report is { Verdict: InspectionVerdict.Safe, IsComplete: true, Format: "qcow2" }
            && report.Findings.All(finding => finding.Id != InspectionFindingIds.Encrypted);
        if (!isPlainSafe)
            return;
        try
        {
            Wait(OpenOver(_image, OpenFlags.None).DisposeAsync());
        }
        catch (BlockException refusal)
        {
            _result.Fail("safe, but not to be opened: " + refusal.Message, refusal.ToString());
        }
    }

    private sealed class Source(SparseImage image) : InspectionSource
    {
        public override long LengthBytes => image.LengthBytes;

        public override ValueTask<int> ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellation)
        {
            int count = (int)Math.Clamp(image.LengthBytes - offset, 0, destination.Length);
            image.Read(offset, destination.Span[..count]);
            return new ValueTask<int>(count);
        }
    }
}
