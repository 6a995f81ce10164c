using Byre.Block.Graph;
using Byre.Qcow2.Check;

namespace Byre.Durability.Tests.Kills;

/// <summary>Looks at what a killed writer left, in this process, without changing it.</summary>
internal static class ImageVerifier
{
    /// <summary>The disk's content.</summary>
    public static async Task<byte[]> ReadAsync(string path)
    {
        await using Qcow2Image image = await Qcow2Image.OpenAsync(path, ReadOnly);
        byte[] content = new byte[image.LengthBytes];
        await image.ReadAsync(0, content);
        return content;
    }

    /// <summary>What the metadata's check finds, and the findings' texts.</summary>
    public static async Task<(CheckReport Report, string Findings)> CheckAsync(string path)
    {
        var findings = new List<string>();
        await using Qcow2Image image = await Qcow2Image.OpenAsync(path, ReadOnly);
        CheckReport report = await image.CheckAsync(
            new CheckOptions { OnFinding = finding => findings.Add(finding.Text), Parallelism = 1 });
        return (report, string.Join("; ", findings));
    }

    /// <summary>Repairs everything.</summary>
    public static async Task RepairAsync(string path)
    {
        await using Qcow2Image image = await Qcow2Image.OpenAsync(path, Writable);
        await image.CheckAsync(new CheckOptions { Repair = RepairMode.All, Parallelism = 1 });
    }

    private static Qcow2ImageOptions ReadOnly { get; } =
        new() { ReadOnly = true, ImplicitOpens = ImplicitOpenPolicy.AllowAll };

    private static Qcow2ImageOptions Writable { get; } = new() { ImplicitOpens = ImplicitOpenPolicy.AllowAll };
}
