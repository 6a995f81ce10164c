using Byre.Block.Graph;
using Byre.Fuzz.Images;
using Byre.Qcow2.Check;

namespace Byre.Fuzz.Actions;

/// <content>Repairs, and what must hold after them.</content>
internal sealed partial class ImageCaseRunner
{
    private void RepairAndVerify(RepairMode mode)
    {
        CheckReport found = CheckFile()!;
        if (found is { Corruptions: 0, CheckErrors: 0 } && !_model.IsKnown)
            LoadModel();
        CheckReport first = Repair(_image, mode, NoteFinding);
        bool isRepaired = first is { CheckErrors: 0, Corruptions: 0, Leaks: 0 };
        if (!isRepaired)
            return;

        var left = new List<string>();
        CheckReport second = CheckFile(finding => left.Add(finding.Text))!;
        if (!second.IsClean)
        {
            _result.Fail(
                $"repair of {mode} leaves: {NormaliseWords(left)}", string.Join('\n', left.Take(8)));
            return;
        }

        SparseImage again = _image.Copy();
        CheckReport third = Repair(again, mode, static _ => { });
        if (third.NeedsSecondCheck || !again.ContentEquals(_image))
            _result.Fail($"repair of {mode} is not idempotent", $"a second repair changed the image: {third}");
        if (_model.IsKnown && found is { Corruptions: 0, CheckErrors: 0 })
            VerifyContent($"after a repair of {mode}");
        _wasClean = true;
        _isPlain = PlainImage.Is(_image);
        _hasFailed = false;
        if (!_model.IsKnown)
            LoadModel();
    }

    private CheckReport Repair(SparseImage image, RepairMode mode, Action<CheckFinding> onFinding)
    {
        BlockNode node = OpenOver(image, OpenFlags.Check | OpenFlags.ReadWrite | OpenFlags.NoBacking);
        try
        {
            return Check(node, mode, onFinding);
        }
        finally
        {
            Wait(node.DisposeAsync());
        }
    }
}
