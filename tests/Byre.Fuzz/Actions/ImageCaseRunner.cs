using System.Diagnostics;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Fuzz.Engine;
using Byre.Fuzz.Images;
using Byre.Qcow2.Check;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Fuzz.Actions;

/// <summary>
/// Does the steps of one case to an image and judges what comes of it:
/// <list type="bullet">
/// <item>nothing but <see cref="BlockException"/> is thrown, and memory follows the file;</item>
/// <item>an image that a check found clean still is after our own writes, and shows what was written;</item>
/// <item>a repair that reports no failure leaves nothing to repair.</item>
/// </list>
/// For one case; not thread-safe.
/// </summary>
internal sealed partial class ImageCaseRunner
{
#if DEBUG
    // There every asynchronous call is an object.
    private const long FreeBytes = 40 << 20;
#else
    private const long FreeBytes = 6 << 20;
#endif
    private const long BytesPerFinding = 2048;
    private const long LargestTablesBytes = 5L * FormatLimits.MaxL1Bytes;

    private static readonly TimeSpan TimePerFinding = TimeSpan.FromMicroseconds(10);

    private readonly FuzzResult _result = new();
    private readonly SparseImage _image;
    private readonly GuestModel _model = new();
    private readonly OptionSet _noOptions = new();
    private BlockNode? _node;
    private bool _wasClean;
    private bool _isPlain;
    private long _findings;
    private bool _hasFailed;
    private StepKind _step;
    private ulong _lastOutcome;

    private ImageCaseRunner(SparseImage image) => _image = image;

    /// <summary>Runs a case; <paramref name="image"/> is changed.</summary>
    public static FuzzResult Run(SparseImage image, IReadOnlyList<FuzzStep> steps)
    {
        var runner = new ImageCaseRunner(image);
        DiagnosticOutput.Sink = runner.NoteDiagnostic;
        runner.RunAll(steps);
        DiagnosticOutput.Sink = null;
        return runner._result;
    }

    private void RunAll(IReadOnlyList<FuzzStep> steps)
    {
        _step = StepKind.Info;
        Guard(Inspect);
        _step = StepKind.Check;
        if (steps.Any(step => step.Kind > StepKind.SnapshotLoad))
            Guard(() => _wasClean = CheckFile()?.IsClean == true);
        if (_wasClean)
        {
            _isPlain = PlainImage.Is(_image);
            Guard(LoadModel);
        }

        foreach (FuzzStep step in steps)
        {
            if (_result.Finding is not null)
                return;
            _step = step.Kind;
            Guard(() => Take(step));
        }

        _step = StepKind.Close;
        if (_result.Finding is null)
            Guard(Close);
        if (_result.Finding is null && _wasClean && _isPlain)
            Guard(VerifyClean);
    }

    /// <summary>Runs a piece of a case: only failures of the environment's kind may come out of it.</summary>
    private void Guard(Action piece)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        int pages = _image.PagesMade;
        try
        {
            piece();
            NoteOutcome(0);
        }
        catch (CorruptionException escaped)
        {
            _result.Fail("escaped " + FuzzFailures.KeyOf(escaped), escaped.ToString());
        }
        catch (BlockException failure)
        {
            _hasFailed = true;
            _model.Forget();
            NoteOutcome(FuzzResult.HashWords(failure.Message, (ulong)failure.Errno));
        }
        catch (Exception failure)
        {
            _result.Fail(FuzzFailures.KeyOf(failure), $"{_step}: {failure}");
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        if (allocated > BudgetBytes(_image.PagesMade - pages))
            _result.Fail($"memory in {_step}", $"{_step} allocated {allocated >> 10} KiB; {Describe()}");
    }

    /// <summary>
    /// What a step may allocate in all: so much whatever the image is, and in proportion to the file. A check keeps a
    /// byte for each cluster of the file; what changes tables may copy the largest table there can be.
    /// </summary>
    private long BudgetBytes(int newPages)
    {
        int clusterBits = (int)Math.Clamp(_image.ReadBigEndian(20, 4), 9, 21);
        long pages = 40L * SparseImage.PageBytes * (_image.PageCount + newPages);
        long tables = _step is StepKind.Open or StepKind.Info or StepKind.Map or StepKind.Check or StepKind.Read
            or StepKind.ReadAll or StepKind.Close ? 0 : LargestTablesBytes;
        int checks = _step is StepKind.RepairLeaks or StepKind.RepairAll ? 6 : 1;
        return FreeBytes + (BytesPerFinding * _findings) + (24L << clusterBits) + pages + tables
            + (_image.LengthBytes >> clusterBits << 2)
            + (checks * 6 * Math.Min(_image.LengthBytes, 2 * FormatLimits.MaxL1Bytes))
            + (32 * Math.Min(_image.LengthBytes, 4 << 20));
    }

    private string Describe() => $"a file of {_image.LengthBytes} bytes in {_image.PageCount} pages";

    private void NoteDiagnostic(string line) => _result.AddFeature(FuzzResult.HashWords(line, 3));

    private void NoteFinding(CheckFinding finding)
    {
        _result.AddFeature(((ulong)finding.Id << 32) + 17);
        _findings++;
        _result.ExtraTime += TimePerFinding;
    }

    /// <summary>What a step came to, after what came before it.</summary>
    private void NoteOutcome(ulong outcome)
    {
        ulong own = (outcome * 31) + (ulong)_step;
        _result.AddFeature(own);
        _result.AddFeature((own * 0x9e37_79b9) ^ (_lastOutcome * 7));
        _lastOutcome = own;
    }

    private BlockNode OpenOver(SparseImage image, OpenFlags flags) =>
        FuzzImage.Open(new FuzzStorage(image), flags, _noOptions, hasOthers: true);

    /// <summary>Checks the image as it lies in the file, without changing it.</summary>
    private CheckReport? CheckFile(Action<CheckFinding>? onFinding = null)
    {
        BlockNode node = OpenOver(_image, OpenFlags.Check | OpenFlags.NoBacking);
        try
        {
            return Check(node, RepairMode.None, onFinding ?? NoteFinding);
        }
        finally
        {
            Wait(node.DisposeAsync());
        }
    }

    private static CheckReport Check(BlockNode node, RepairMode repair, Action<CheckFinding> onFinding)
    {
        var options = new CheckOptions { Repair = repair, OnFinding = onFinding, Parallelism = 1 };
        return ((ICheckableImage)node).CheckAsync(options).AsTask().GetAwaiter().GetResult();
    }

    private void LoadModel()
    {
        BlockNode node = OpenOver(_image, OpenFlags.None);
        try
        {
            // What an external data file holds is not counted: two clusters may well share a place.
            if (node.Children.All(child => child.Role != ChildRole.Data))
                _model.Load(node);
        }
        finally
        {
            Wait(node.DisposeAsync());
        }
    }

    /// <summary>A clean image that only we have written to is clean, and holds what was written.</summary>
    private void VerifyClean()
    {
        var findings = new List<string>();
        CheckReport? report;
        try
        {
            report = CheckFile(finding => findings.Add(finding.Text));
        }
        catch (BlockException failure)
        {
            _result.Fail("not checkable any more", failure.ToString());
            return;
        }

        bool isSound = report is { Corruptions: 0, CheckErrors: 0 } && (report.Leaks == 0 || _hasFailed);
        if (!isSound)
        {
            string text = string.Join('\n', findings.Take(8));
            _result.Fail($"not clean any more: {NormaliseWords(findings)}", text);
            return;
        }

        if (_model.IsKnown)
            VerifyContent("after all");
    }

    private void VerifyContent(string when)
    {
        BlockNode node = OpenOver(_image, OpenFlags.None);
        try
        {
            long place = _model.FindDifference(node);
            if (place >= 0)
                _result.Fail($"content {when}", $"{when}, the guest sees something else at {place}");
        }
        finally
        {
            Wait(node.DisposeAsync());
        }
    }

    private static string NormaliseWords(List<string> findings) =>
        findings.Count == 0 ? "" : new string([.. findings[0].Where(letter => !char.IsAsciiDigit(letter))]);

    private static void Wait(ValueTask task)
    {
        if (task.IsCompletedSuccessfully)
            task.GetAwaiter().GetResult();
        else
            task.AsTask().GetAwaiter().GetResult();
    }

    private static T Wait<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();
}
