using System.Globalization;

namespace Byre.Fuzz.Actions;

/// <summary>One thing that is done to an image; the seed decides its arguments, as far as the image allows.</summary>
internal readonly record struct FuzzStep(StepKind Kind, ulong Seed)
{
    /// <summary>Reads "Kind:seed".</summary>
    public static FuzzStep Parse(string text)
    {
        string[] parts = text.Split(':');
        return new FuzzStep(Enum.Parse<StepKind>(parts[0]), ulong.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    public override string ToString() => $"{Kind}:{Seed}";
}
