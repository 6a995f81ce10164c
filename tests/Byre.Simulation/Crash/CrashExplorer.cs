using Byre.Simulation.Devices;
using Byre.Simulation.Model;
using Byre.Simulation.Workloads;

namespace Byre.Simulation.Crash;

/// <summary>
/// Runs workloads on simulated devices and examines every image that a crash in them can leave. Of a workload only the
/// crashes in its last step and in the close after it are visited: the others belong to the workloads that it begins
/// with. One instance a thread; the tally is shared.
/// </summary>
internal sealed class CrashExplorer(DiskStart start, SessionSettings settings, CrashTally tally)
{
    private readonly CrashOracle _oracle = new(start);

    public CrashLimits Limits { get; init; } = new();

    /// <summary>See <see cref="CrashStates.IsLate"/>.</summary>
    public Func<DeviceOperation, bool>? IsLate { get; init; }

    /// <summary>One image in so many is also repaired and written to.</summary>
    public int RepairsOneIn { get; init; } = 8;

    /// <summary>Findings after which a workload is left.</summary>
    public int MaxFindings { get; init; } = 1;

    /// <summary>Called with images that were found good: to have others look at them.</summary>
    public Action<CrashImage>? OnGood { get; init; }

    /// <summary>Runs one workload; false where the image cannot do one of its steps.</summary>
    public bool Explore(IReadOnlyList<WorkloadStep> steps)
    {
        DiskSession session = DiskSession.Open(start, settings);
        var runner = new StepRunner(session);
        int from = 0;
        for (int i = 0; i < steps.Count; i++)
        {
            from = session.Log.Now;
            if (!runner.TryRun(steps[i], i))
                return false;
        }

        Synchronous.Run(session.CloseAsync());
        tally.NoteWorkload();
        Examine(session, from, string.Join(',', steps));
        return true;
    }

    /// <summary>Examines the crashes of a run after <paramref name="from"/>.</summary>
    public void Examine(DiskSession session, int from, string workload)
    {
        int findings = 0;
        int seed = workload.Length;
        DiskExpectation? expectation = null;
        ulong expectationHash = 0;
        int moment = -1;
        var states = new CrashStates(session.Log, start.Devices, Limits, seed) { IsLate = IsLate };
        states.Visit(from, session.Answers, image =>
        {
            if (findings >= MaxFindings)
                return;
            if (image.Moment != moment)
            {
                moment = image.Moment;
                expectation = session.Disk.AfterCrash(moment);
                expectationHash = expectation.ComputeHash();
            }

            ulong hash = image.ComputeHash();
            if (!tally.Note(hash, expectationHash))
                return;
            bool repairs = hash % (ulong)RepairsOneIn == 0;
            if (_oracle.Examine(image, expectation!, repairs) is { } text)
            {
                findings++;
                tally.Note(new CrashFinding(
                    start.Configuration, workload, $"crash at {moment} of {session.Log.Now}, {image.Choice}", text));
            }
            else
            {
                OnGood?.Invoke(image);
            }
        });
    }
}
