using Byre.Fuzz.Engine;

namespace Byre.Fuzz.Actions;

/// <summary>Makes up what a program does with an image. Stateless.</summary>
internal static class StepGenerator
{
    private static readonly StepKind[] Inspections =
        [StepKind.Info, StepKind.Map, StepKind.Check, StepKind.Read, StepKind.ReadAll, StepKind.SnapshotLoad];

    private static readonly StepKind[] Changes =
    [
        StepKind.Write, StepKind.Write, StepKind.Write, StepKind.WriteCompressed, StepKind.WriteZeroes,
        StepKind.WriteZeroes, StepKind.Discard, StepKind.Discard, StepKind.SnapshotCreate, StepKind.SnapshotApply,
        StepKind.SnapshotDelete, StepKind.Resize, StepKind.Flush, StepKind.ChangeBacking, StepKind.Reopen,
    ];

    public static List<FuzzStep> Generate(FuzzRandom random)
    {
        var steps = new List<FuzzStep>();
        switch (random.Next(10))
        {
            case 0 or 1 or 2:
                Add(StepKind.Open);
                AddSome(Inspections, 1 + random.Next(3));
                break;
            case 3:
                Add(StepKind.RepairAll);
                break;
            case 4:
                Add(StepKind.RepairLeaks);
                break;
            default:
                for (int sessions = random.OneIn(3) ? 2 : 1; sessions > 0; sessions--)
                    AddSession();
                break;
        }

        return steps;

        void AddSession()
        {
            if (random.OneIn(4))
                Add(random.OneIn(2) ? StepKind.RepairAll : StepKind.RepairLeaks);
            Add(StepKind.Open);
            for (int i = random.Next(8); i >= 0; i--)
                AddSome(random.OneIn(5) ? Inspections : Changes, 1);
            Add(StepKind.Close);
        }

        void AddSome(StepKind[] kinds, int count)
        {
            for (; count > 0; count--)
                Add(random.Pick<StepKind>(kinds));
        }

        void Add(StepKind kind) => steps.Add(new FuzzStep(kind, random.Next64() & 0xffff_ffff));
    }
}
