using System.Text.RegularExpressions;
using Byre.Block.Graph;
using Byre.Qcow2.Check;

namespace Byre.Durability.Tests.Kills;

/// <summary>Looks at what a killed writer left, in this process, without changing it.</summary>
internal static partial class ImageVerifier
{
    /// <summary>The disk's content.</summary>
    public static async Task<byte[]> ReadAsync(string path)
    {
        await using Qcow2Image image = await Qcow2Image.OpenAsync(path, ReadOnly);
        byte[] content = new byte[image.LengthBytes];
        await image.ReadAsync(0, content);
        return content;
    }

    /// <summary>True where the image says that opening it to write has to repair it first.</summary>
    public static async Task<bool> IsDirtyAsync(string path)
    {
        await using Qcow2Image image = await Qcow2Image.OpenAsync(path, ReadOnly);
        return (await image.GetInfoAsync()).IsDirty;
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

    /// <summary>
    /// Leaks cost space only. A missing "copied" flag costs one copy: while a snapshot is made, the flags go first.
    /// </summary>
    public static bool IsHarmless(string finding) => HarmlessFinding().IsMatch(finding);

    [GeneratedRegex("^($|Leaked cluster|ERROR OFLAG_COPIED .*_entry=[0-9a-f]{1,15} refcount=1$)")]
    private static partial Regex HarmlessFinding();

    private static Qcow2ImageOptions ReadOnly { get; } =
        new() { ReadOnly = true, ImplicitOpens = ImplicitOpenPolicy.AllowAll };

    private static Qcow2ImageOptions Writable { get; } = new() { ImplicitOpens = ImplicitOpenPolicy.AllowAll };
}
