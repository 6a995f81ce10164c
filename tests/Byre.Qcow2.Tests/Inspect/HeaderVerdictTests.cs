using System.Globalization;
using System.Reflection;
using Byre.Block.Errors;
using Byre.Qcow2.Inspect;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Layout;

namespace Byre.Qcow2.Tests.Inspect;

/// <summary>What the header alone tells.</summary>
public sealed class HeaderVerdictTests
{
    private const long FileBytes = 4 << 16;

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task ASoundHeaderIsSafe(int version)
    {
        InspectionReport report = await InspectAsync(new HeaderBuilder(version));
        Assert.Equal(InspectionVerdict.Safe, report.Verdict);
        Assert.Equal("qcow2", report.Format);
        Assert.Equal(1 << 20, report.VirtualSizeBytes);
        Assert.Empty(report.Findings);
        Assert.True(report.IsComplete);
    }

    [Theory]
    [InlineData("Incompatible", 1UL, InspectionFindingIds.Dirty, InspectionSeverity.Warning)]
    [InlineData("Incompatible", 2UL, InspectionFindingIds.Corrupt, InspectionSeverity.Danger)]
    [InlineData("Incompatible", 4UL, InspectionFindingIds.DataFile, InspectionSeverity.Danger)]
    [InlineData(
        "Incompatible", 1UL << 40, InspectionFindingIds.UnknownIncompatibleFeature, InspectionSeverity.Danger)]
    [InlineData("Compatible", 2UL, InspectionFindingIds.UnknownCompatibleFeature, InspectionSeverity.Info)]
    [InlineData("Autoclear", 4UL, InspectionFindingIds.UnknownAutoclearFeature, InspectionSeverity.Warning)]
    [InlineData("Autoclear", 2UL, InspectionFindingIds.HeaderInvalid, InspectionSeverity.Danger)]
    [InlineData("Size", 1UL << 50, InspectionFindingIds.HeaderInvalid, InspectionSeverity.Danger)]
    [InlineData("L1Offset", 1UL << 40, InspectionFindingIds.TableOutOfFile, InspectionSeverity.Danger)]
    [InlineData("L1Offset", 1UL << 16, InspectionFindingIds.Overlap, InspectionSeverity.Danger)]
    [InlineData("L1Offset", 5UL << 16, InspectionFindingIds.TableOutOfFile, InspectionSeverity.Danger)]
    [InlineData("L1Offset", 0UL, InspectionFindingIds.Overlap, InspectionSeverity.Danger)]
    [InlineData("TableOffset", 1UL << 30, InspectionFindingIds.TableOutOfFile, InspectionSeverity.Danger)]
    [InlineData("TableOffset", 12345UL, InspectionFindingIds.HeaderInvalid, InspectionSeverity.Danger)]
    public async Task AFieldHasItsFinding(string field, ulong value, string id, InspectionSeverity severity)
    {
        int offset = field switch
        {
            "Incompatible" => HeaderBuilder.Incompatible,
            "Compatible" => HeaderBuilder.Incompatible + 8,
            "Autoclear" => HeaderBuilder.Autoclear,
            "Size" => HeaderBuilder.Size,
            "L1Offset" => HeaderBuilder.L1Offset,
            _ => HeaderBuilder.TableOffset,
        };
        InspectionReport report = await InspectAsync(new HeaderBuilder().U64(offset, value));
        Assert.Contains(report.Findings, finding => finding.Id == id && finding.Severity == severity);
        Assert.Equal(
            severity == InspectionSeverity.Danger ? InspectionVerdict.Unsafe : InspectionVerdict.Safe, report.Verdict);
    }

    [Theory]
    [InlineData(1u, InspectionSeverity.Warning)]
    [InlineData(2u, InspectionSeverity.Warning)]
    public async Task EncryptionIsToldOf(uint method, InspectionSeverity severity)
    {
        InspectionReport report = await InspectAsync(new HeaderBuilder().U32(HeaderBuilder.Crypt, method));
        Assert.Contains(
            report.Findings,
            finding => finding.Id == InspectionFindingIds.Encrypted && finding.Severity == severity);
    }

    [Fact]
    public async Task NamesAreToldEvenWhereTheHeaderIsRefused()
    {
        var builder = new HeaderBuilder();
        builder.Extensions((HeaderExtension.DataFile, [.. "/etc/shadow"u8]))
            .U64(HeaderBuilder.Incompatible, 4 | (1UL << 63))
            .U64(HeaderBuilder.BackingOffset, 400)
            .U32(HeaderBuilder.BackingBytes, uint.MaxValue);
        "json:{\"driver\":\"nbd\"}\e[2J"u8.CopyTo(builder.Bytes.AsSpan(400));
        InspectionReport report = await InspectAsync(builder);
        Assert.Contains(report.Findings, finding => finding.Name == "/etc/shadow");
        InspectionFinding backing = Assert.Single(
            report.Findings, finding => finding.Id == InspectionFindingIds.BackingFile);
        Assert.Equal("json:{\"driver\":\"nbd\"}\e[2J", backing.Name);
        Assert.DoesNotContain('\e', backing.Text);
        Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.UnknownIncompatibleFeature);
    }

    /// <summary>Whatever the engine refuses to open is not called safe, and nothing throws.</summary>
    [Fact]
    public async Task NoHeaderThatIsRefusedIsSafe()
    {
        var random = new Random(int.Parse(
            Environment.GetEnvironmentVariable("BYRE_SEED") ?? "20260801", CultureInfo.InvariantCulture));
        int refused = 0;
        for (int round = 0; round < 3000; round++)
        {
            var builder = new HeaderBuilder(random.Next(2, 4), random.Next(9, 13));
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                int at = random.Next(8, 130);
                builder.Bytes[at] = random.Next(2) == 0
                    ? (byte)random.Next(256)
                    : (byte)(builder.Bytes[at] ^ (1 << random.Next(8)));
            }

            bool isSound = true;
            try
            {
                byte[] cluster = new byte[1 << HeaderCodec.ReadClusterBits(builder.Bytes)];
                builder.Bytes.AsSpan(0, Math.Min(cluster.Length, builder.Bytes.Length)).CopyTo(cluster);
                HeaderCodec.Parse(cluster);
            }
            catch (BlockException)
            {
                isSound = false;
                refused++;
            }

            InspectionReport report = await InspectAsync(builder);
            Assert.True(
                isSound || report.Verdict != InspectionVerdict.Safe, Convert.ToHexString(builder.Bytes[..160]));
        }

        Assert.InRange(refused, 100, 2900);
    }

    [Fact]
    public void EveryFindingIsDocumented()
    {
        string document = File.ReadAllText(Path.Combine(Root(), "docs", "hostile-images.md"));
        foreach (FieldInfo field in typeof(InspectionFindingIds).GetFields())
            Assert.Contains($"| `{field.GetValue(null)}` |", document, StringComparison.Ordinal);
    }

    private static string Root([System.Runtime.CompilerServices.CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));

    private static ValueTask<InspectionReport> InspectAsync(HeaderBuilder builder) =>
        ImageInspection.RunAsync(new SparseSource(FileBytes).Put(0, builder.Bytes));
}
