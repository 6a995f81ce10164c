using Byre.Fuzz.Actions;
using Byre.Fuzz.Engine;

namespace Byre.Fuzz.Images;

/// <summary>The format engine, fed with damaged images.</summary>
internal sealed class ImageTarget : IFuzzTarget
{
    private const int MaxMutations = 6;

    /// <inheritdoc/>
    public string Name => "image";

    /// <inheritdoc/>
    public int Weight => 2;

    /// <inheritdoc/>
    public FuzzResult Run(FuzzCaseId id)
    {
        ImageCase made = Build(id);
        return ImageCaseRunner.Run(made.Image.Copy(), made.Steps);
    }

    /// <inheritdoc/>
    public string Minimise(FuzzCaseId id, FuzzFinding finding) =>
        new ImageCaseMinimiser(Build(id), finding.Key).Run().ToText(finding.Text);

    /// <inheritdoc/>
    public FuzzResult Replay(string corpusText)
    {
        ImageCase made = ImageCase.Parse(corpusText);
        return ImageCaseRunner.Run(made.Image.Copy(), made.Steps);
    }

    /// <summary>The image and the steps that a case consists of.</summary>
    public static ImageCase Build(FuzzCaseId id)
    {
        var random = new FuzzRandom(id.Seeds[0]);
        SeedImage seed = random.Pick(SeedImages.All);
        SparseImage image = seed.Image.Copy();
        if (!random.OneIn(12))
            Mutate(random, image, seed.Map);
        foreach (ulong further in id.Seeds.AsSpan()[1..])
        {
            random = new FuzzRandom(further);
            Mutate(random, image, seed.Map);
        }

        return new ImageCase(seed.Name, image, StepGenerator.Generate(random));
    }

    private static void Mutate(FuzzRandom random, SparseImage image, ImageMap map)
    {
        var mutator = new ImageMutator(random, image, map);
        for (int i = (int)random.NextSkewed(MaxMutations); i >= 0; i--)
            mutator.MutateOnce();
    }
}
