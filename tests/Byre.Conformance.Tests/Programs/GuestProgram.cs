using System.Text;

namespace Byre.Conformance.Tests.Programs;

/// <summary>A short history of an image, in phases; after each the tools are compared and change places.</summary>
/// <param name="Seed">What made it.</param>
/// <param name="Parameters">The image at the start.</param>
/// <param name="Phases">The steps.</param>
public sealed record GuestProgram(int Seed, ImageParameters Parameters, IReadOnlyList<IReadOnlyList<GuestStep>> Phases)
{
    /// <summary>True where some step writes compressed clusters.</summary>
    public bool Compresses
    {
        get
        {
            foreach (IReadOnlyList<GuestStep> phase in Phases)
            {
                foreach (GuestStep step in phase)
                {
                    if (step is WriteStep { Kind: WriteKind.Compressed })
                        return true;
                }
            }

            return false;
        }
    }

    /// <summary>The program without one step; null where there is no such step.</summary>
    public GuestProgram? Without(int phase, int step)
    {
        if (phase >= Phases.Count || step >= Phases[phase].Count)
            return null;
        var phases = new List<IReadOnlyList<GuestStep>>(Phases);
        var steps = new List<GuestStep>(Phases[phase]);
        steps.RemoveAt(step);
        phases[phase] = steps;
        return this with { Phases = phases };
    }

    public override string ToString()
    {
        var text = new StringBuilder($"create {Parameters}\n");
        for (int i = 0; i < Phases.Count; i++)
        {
            text.Append($"phase {i + 1}:\n");
            foreach (GuestStep step in Phases[i])
                text.Append("  ").Append(step is IoStep io ? $"-c '{io.Command}'" : step.ToString()).Append('\n');
        }

        return text.ToString();
    }
}
