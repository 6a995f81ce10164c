using Byre.Conformance.Tests.Programs;
using Byre.Conformance.Tests.Tools;

namespace Byre.Conformance.Tests.Differential;

/// <summary>
/// Runs one program by both implementations, each on an image of its own, and compares after each phase; then they
/// change places, so that each goes on with what the other has written.
/// </summary>
internal sealed class DifferentialCase(GuestProgram program, ToolSet ours, ToolSet peer, PeerFeatures features)
{
    /// <summary>
    /// The peer takes growth with preallocation for a shrink of the file, where the file is longer than it needs to be.
    /// Whether ours did the right thing the verifier has seen by then.
    /// </summary>
    private const string RefusedGrowth =
        "Failed to resize underlying file: Cannot use preallocation for shrinking files";

    /// <summary>Runs the case in a directory of its own, which is removed.</summary>
    /// <returns>Null where everything agrees.</returns>
    public DivergenceException? Run()
    {
        using var directory = new WorkDirectory();
        try
        {
            Run(directory.Path);
            return null;
        }
        catch (DivergenceException divergence)
        {
            return divergence;
        }
    }

    private void Run(string directory)
    {
        var mine = new ImageSide("byre", Path.Combine(directory, "byre"), program, ours);
        var theirs = new ImageSide("qemu", Path.Combine(directory, "qemu"), program, peer);
        for (int phase = 0; phase < program.Phases.Count; phase++)
        {
            bool swapped = phase % 2 == 1;
            RunPhase(program.Phases[phase], phase, mine, swapped ? peer : ours, theirs, swapped ? ours : peer);
        }

        var verifier = new SideVerifier(ours, peer, features);
        foreach (ImageSide side in new[] { mine, theirs })
        {
            verifier.CompareReaders(side);
            verifier.VerifySnapshots(side);
        }
    }

    private void RunPhase(
        IReadOnlyList<GuestStep> steps,
        int phase,
        ImageSide mine,
        ToolSet mineTools,
        ImageSide theirs,
        ToolSet theirTools)
    {
        List<string> mineSaid = mine.Run(steps, mineTools);
        List<string> theirsSaid = theirs.Run(steps, theirTools);
        try
        {
            var verifier = new SideVerifier(ours, peer, features);

            // What we wrote last comes first: its faults are never excused by the peer's.
            bool mineIsOurs = mineTools == ours;
            verifier.Verify(mineIsOurs ? mine : theirs, ours);
            verifier.Verify(mineIsOurs ? theirs : mine, peer);
            if (features.SpeaksAlike)
                CompareOutcomes(mineSaid, mineTools, theirsSaid, theirTools);
            MapComparer.Compare(peer, mine, theirs);
        }
        catch (DivergenceException divergence)
        {
            throw new DivergenceException($"after phase {phase + 1}: {divergence.Message}", divergence.IsPeerFinding);
        }
    }

    private void CompareOutcomes(List<string> left, ToolSet leftTools, List<string> right, ToolSet rightTools)
    {
        for (int i = 0; i < Math.Max(left.Count, right.Count); i++)
        {
            string leftOne = i < left.Count ? left[i] : "(nothing)";
            string rightOne = i < right.Count ? right[i] : "(nothing)";
            if (leftOne != rightOne)
            {
                string peerSaid = leftTools == peer ? leftOne : rightOne;
                throw new DivergenceException(
                    $"the tools say different things:\n{leftTools}: {leftOne}\n{rightTools}: {rightOne}",
                    peerSaid.Contains(RefusedGrowth, StringComparison.Ordinal));
            }
        }
    }
}
