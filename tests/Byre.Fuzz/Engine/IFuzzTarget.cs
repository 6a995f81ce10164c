namespace Byre.Fuzz.Engine;

/// <summary>
/// Something that is fed hostile input. A target makes its input from the seeds of a case alone, so that the case's id
/// repeats it, and judges by itself what must not happen. Used by one thread.
/// </summary>
internal interface IFuzzTarget
{
    /// <summary>The first part of a case's id.</summary>
    string Name { get; }

    /// <summary>How often the target is chosen, beside the others' weights.</summary>
    int Weight { get; }

    /// <summary>Runs one case.</summary>
    FuzzResult Run(FuzzCaseId id);

    /// <summary>
    /// The smallest input that still shows a finding, as the text of a corpus file. The finding's key decides whether
    /// it is the same.
    /// </summary>
    string Minimise(FuzzCaseId id, FuzzFinding finding);

    /// <summary>Runs what a corpus file holds.</summary>
    FuzzResult Replay(string corpusText);
}
