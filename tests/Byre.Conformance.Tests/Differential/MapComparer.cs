using System.Text.Json;
using Byre.Conformance.Tests.Tools;

namespace Byre.Conformance.Tests.Differential;

/// <summary>
/// Compares the maps of two images of the same history: which areas are present, at which depth, and compressed. Host
/// offsets are left out, as where a freed cluster may be used again is each one's own affair. So is whether zeroes
/// are kept as data: it depends on the holes that the file system knows of in the files below. Stateless.
/// </summary>
internal static class MapComparer
{
    /// <summary>Throws where the maps differ.</summary>
    public static void Compare(ToolSet reader, ImageSide left, ImageSide right)
    {
        List<string> leftMap = Read(reader, left);
        List<string> rightMap = Read(reader, right);
        for (int i = 0; i < Math.Max(leftMap.Count, rightMap.Count); i++)
        {
            string leftRun = i < leftMap.Count ? leftMap[i] : "(end)";
            string rightRun = i < rightMap.Count ? rightMap[i] : "(end)";
            if (leftRun != rightRun)
                throw new DivergenceException(
                    $"the maps differ:\n{left.Label} image: {leftRun}\n{right.Label} image: {rightRun}");
        }
    }

    /// <summary>Runs with equal properties are joined: they are split where host offsets jump.</summary>
    private static List<string> Read(ToolSet reader, ImageSide side)
    {
        ToolResult result = reader.Image(side.Directory, "map", "-f", "qcow2", "--output=json", side.Image);
        var runs = new List<string>();
        using JsonDocument document = JsonDocument.Parse(result.Output);
        (long start, long end, string properties) = (0, 0, "");
        foreach (JsonElement run in document.RootElement.EnumerateArray())
        {
            string these = Properties(run);
            long runStart = run.GetProperty("start").GetInt64();
            if (these != properties)
            {
                if (end > start)
                    runs.Add($"{start}-{end} {properties}");
                (start, properties) = (runStart, these);
            }

            end = runStart + run.GetProperty("length").GetInt64();
        }

        runs.Add($"{start}-{end} {properties}");
        return runs;
    }

    private static string Properties(JsonElement run)
    {
        string text = "";
        foreach (JsonProperty property in run.EnumerateObject())
        {
            if (property.Name is "depth" or "present" or "compressed")
                text += $"{property.Name}={property.Value.GetRawText()} ";
        }

        return text;
    }
}
