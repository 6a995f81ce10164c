using Byre.Block.Graph;

namespace Byre.Qcow2.Inspect;

/// <summary>Says what is wrong with a file name that was found in an image. Stateless.</summary>
internal static class NameGrader
{
    /// <summary>Adds a danger for each reason not to follow a name, beyond that it is there.</summary>
    /// <param name="findings">Receives them.</param>
    /// <param name="kind">What the name is: "backing file".</param>
    /// <param name="name">The name.</param>
    public static void Grade(FindingList findings, string kind, string name)
    {
        if (Describe(name) is { } what)
        {
            findings.Danger(
                InspectionFindingIds.UnsafeName, $"The name of the {kind} {FindingList.Quote(name)} {what}", name);
        }
    }

    private static string? Describe(string name)
    {
        if (JsonFileName.IsOne(name))
            return "is a tree of options: it can describe any node";
        if (FileNames.HasProtocol(name))
            return "asks for a protocol";
        if (name.Contains('\\', StringComparison.Ordinal))
            return "is a path of another system";
        if (FileNames.IsAbsolute(name))
            return "is absolute: it can be any file of the host";
        return name.Split('/').Contains("..") ? "leads out of the directory of the image" : null;
    }
}
