using Byre.Conformance.Tests.Programs;
using Byre.Conformance.Tests.Tools;

namespace Byre.Conformance.Tests.Differential;

/// <summary>Compares one image with its model, and what both implementations say of the same files.</summary>
internal sealed class SideVerifier(ToolSet ours, ToolSet peer, PeerFeatures features)
{
    /// <summary>Throws where the files are damaged or hold something else than the guest wrote.</summary>
    /// <param name="side">The image.</param>
    /// <param name="lastWriter">Who wrote to it last: if that was the peer, damage on disk is the peer's.</param>
    public void Verify(ImageSide side, ToolSet lastWriter)
    {
        string damage = FindDamage(side);
        if (damage.Length > 0)
        {
            throw new DivergenceException(
                $"the {side.Label} image, written last by {lastWriter}: {damage}", lastWriter == peer);
        }
    }

    /// <summary>Throws where we read an image otherwise than the peer, or say something else about it.</summary>
    public void CompareReaders(ImageSide side)
    {
        if (FindContentDifference(side, ours, side.Model.Content) is { } misread)
            throw new DivergenceException($"byre misreads the {side.Label} image: {misread}");
        CompareAnswers(side, "check", "-f", "qcow2", side.Image);
        CompareAnswers(side, "info", "-f", "qcow2", "--output=json", side.Image);
        CompareAnswers(side, "map", "-f", "qcow2", "--output=json", side.Image);
        CompareAnswers(side, "snapshot", "-l", side.Image);
    }

    /// <summary>Throws where the content of a snapshot is not what the guest had then.</summary>
    public void VerifySnapshots(ImageSide side)
    {
        foreach ((string name, byte[] content) in side.Model.Snapshots)
        {
            // The peer shows a snapshot in the disk's present length, whatever it was then.
            if (content.Length != side.Model.Content.Length)
                continue;
            foreach (ToolSet reader in new[] { peer, ours })
            {
                if (FindContentDifference(side, reader, content, "-l", $"snapshot.name={name}") is { } difference)
                    throw new DivergenceException($"snapshot {name} of the {side.Label} image: {difference}");
            }
        }
    }

    /// <summary>What the peer finds wrong with the files; empty for nothing.</summary>
    private string FindDamage(ImageSide side)
    {
        ToolResult check = peer.Image(side.Directory, "check", "-f", "qcow2", side.Image);
        if (check.ExitStatus != 0)
            return "it is damaged:\n" + check;
        return FindContentDifference(side, peer, side.Model.Content) ?? "";
    }

    private static string? FindContentDifference(
        ImageSide side, ToolSet reader, byte[] expected, params string[] selection)
    {
        string raw = Path.Combine(side.Directory, "out.raw");
        ToolResult convert = reader.Image(
            side.Directory, ["convert", "-f", "qcow2", "-O", "raw", .. selection, side.Image, "out.raw"]);
        if (convert.ExitStatus != 0)
            return "it cannot be read:\n" + convert;
        byte[] content = File.ReadAllBytes(raw);
        File.Delete(raw);

        if (content.Length != expected.Length)
            return $"{reader} sees {content.Length} bytes where the guest has {expected.Length}";
        int same = content.AsSpan().CommonPrefixLength(expected);
        return same == expected.Length
            ? null
            : $"{reader} reads 0x{content[same]:x2} at offset {same} where the guest wrote 0x{expected[same]:x2}";
    }

    private void CompareAnswers(ImageSide side, string what, params string[] arguments)
    {
        if (!features.SpeaksAlike || !SoakSettings.Questions.Contains(what, StringComparison.Ordinal))
            return;
        ToolResult theirs = peer.Image(side.Directory, [what, .. arguments]);
        ToolResult mine = ours.Image(side.Directory, [what, .. arguments]);
        if (theirs != mine)
        {
            throw new DivergenceException(
                $"the answers to {what} about the {side.Label} image differ:\nqemu: {theirs}\nbyre: {mine}");
        }
    }
}
