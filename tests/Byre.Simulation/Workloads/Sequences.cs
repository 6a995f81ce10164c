namespace Byre.Simulation.Workloads;

/// <summary>All sequences of steps up to a length, shorter ones first. Stateless.</summary>
public static class Sequences
{
    private static readonly WorkloadStep[] s_steps = Enum.GetValues<WorkloadStep>();

    /// <summary>How many there are of exactly <paramref name="length"/>.</summary>
    public static int Count(int length) => (int)Math.Pow(s_steps.Length, length);

    /// <summary>The sequence of a number below <see cref="Count"/>.</summary>
    public static WorkloadStep[] Get(int length, int number)
    {
        var sequence = new WorkloadStep[length];
        for (int i = length - 1; i >= 0; i--)
        {
            sequence[i] = s_steps[number % s_steps.Length];
            number /= s_steps.Length;
        }

        return sequence;
    }

    /// <summary>Reads what a finding says.</summary>
    public static WorkloadStep[] Parse(string text) => [.. text.Split(',').Select(Enum.Parse<WorkloadStep>)];
}
