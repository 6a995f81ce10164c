using System.Text.RegularExpressions;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2;
using Byre.Qcow2.Check;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Simulation.Devices;
using Byre.Simulation.Model;
using Byre.Simulation.Workloads;

namespace Byre.Simulation.Crash;

/// <summary>
/// Says what is wrong with an image that a crash left (docs/crash-consistency.md): it opens; a check finds no
/// corruption, after a repair where the dirty bit asks for one; every sector and every snapshot holds what it may.
/// Not thread-safe: the memory of its devices is reused.
/// </summary>
internal sealed partial class CrashOracle(DiskStart start)
{
    private static readonly SessionSettings s_plain = SessionSettings.Plain;

    private readonly SimulatedDevice[] _devices = [.. start.Devices.Select(static _ => new SimulatedDevice([]))];
    private byte[] _bytes = [];

    /// <summary>Examines an image; null where nothing is wrong.</summary>
    /// <param name="image">What the devices hold.</param>
    /// <param name="expectation">What the disk may show.</param>
    /// <param name="repairs">Also repair, check again, write on and check once more.</param>
    public string? Examine(CrashImage image, DiskExpectation expectation, bool repairs)
    {
        SimulatedDevice[] devices = _devices;
        for (int i = 0; i < devices.Length; i++)
            devices[i].Load(image[i]);
        try
        {
            return Check(devices) ?? Read(devices, expectation) ?? (repairs ? GoOn(devices) : null);
        }
        catch (BlockException failure)
        {
            return $"it cannot be used: {failure.Message}";
        }
        catch (InvariantException failure)
        {
            return $"an invariant broke: {failure.Message}";
        }
    }

    private static string? Check(SimulatedDevice[] devices)
    {
        var findings = new List<string>();
        ImageHeader header = Header(devices, HeaderParsing.ForCheck);
        if (header.IsDirty)
        {
            Check(devices, header, RepairMode.All, []);
            header = Header(devices, HeaderParsing.ForUse);
            if (header.IsDirty)
                return "a repair left it dirty";
        }

        CheckReport report = Check(devices, header, RepairMode.None, findings);
        findings.RemoveAll(finding => IsHarmless(finding, header.Version));
        return findings.Count > 0 || report.CheckErrors > 0 ? "a check says: " + string.Join("; ", findings) : null;
    }

    private string? Read(SimulatedDevice[] devices, DiskExpectation expectation)
    {
        // Snapshots are only looked at; one is loaded over another.
        Qcow2Node node = Open(devices, OpenFlags.None);
        string? finding = Compare(node, expectation, "the disk");
        IReadOnlyList<SnapshotInfo> snapshots = Synchronous.Run(node.GetImageInfoAsync()).Snapshots;
        foreach (SnapshotInfo snapshot in finding is null ? snapshots : [])
        {
            if (expectation.OfSnapshot(snapshot.Name) is not { } content)
                return $"a snapshot {snapshot.Name} that cannot be";
            if (!Synchronous.Run(node.LoadSnapshotAsync(snapshot.Id, null)))
                return $"snapshot {snapshot.Name} cannot be loaded";
            finding ??= Compare(node, content, $"snapshot {snapshot.Name}");
        }

        Synchronous.Run(node.DisposeAsync());
        string? lost = expectation.RequiredSnapshots().FirstOrDefault(
            required => snapshots.All(snapshot => snapshot.Name != required));
        return finding ?? (lost is null ? null : $"snapshot {lost} is lost");
    }

    private string? Compare(Qcow2Node node, DiskExpectation expectation, string what)
    {
        int sectors = (int)(node.LengthBytes / SimulatedDevice.SectorBytes);
        if (!expectation.Sizes.Contains(sectors))
            return $"{what} has {sectors} sectors, not {string.Join(" or ", expectation.Sizes)}";
        if (_bytes.Length < node.LengthBytes)
            _bytes = new byte[node.LengthBytes];
        Synchronous.Run(node.ReadAsync(0, _bytes.AsMemory(0, (int)node.LengthBytes)));
        for (int i = 0; i < sectors; i++)
        {
            ulong tag = SectorTag.Read(_bytes, i);
            if (!expectation.Allows(i, tag))
                return $"{what} shows {tag:x} in sector {i}, not {expectation.Describe(i)}";
        }

        return null;
    }

    /// <summary>Repairs leaks; then the image must be clean, take writes, and be clean again.</summary>
    private string? GoOn(SimulatedDevice[] devices)
    {
        Check(devices, Header(devices, HeaderParsing.ForUse), RepairMode.All, []);
        var findings = new List<string>();
        if (!Check(devices, Header(devices, HeaderParsing.ForUse), RepairMode.None, findings).IsClean)
            return "a repair left it unclean: " + string.Join("; ", findings);

        Qcow2Node node = Open(devices, OpenFlags.ReadWrite);
        byte[] bytes = new byte[Math.Min(node.LengthBytes, 8L * start.Configuration.ClusterBytes)];
        Array.Fill(bytes, (byte)0xEE);
        Synchronous.Run(node.WriteAsync(0, bytes));
        byte[] back = new byte[bytes.Length];
        Synchronous.Run(node.ReadAsync(0, back));
        Synchronous.Run(node.DisposeAsync());
        if (!back.AsSpan().SequenceEqual(bytes))
            return "what was written after the crash reads otherwise";
        // Counts behind the end of the file are seen only once the file has grown: leaks.
        Check(devices, Header(devices, HeaderParsing.ForUse), RepairMode.None, findings);
        findings.RemoveAll(finding => IsHarmless(finding, version: 3));
        return findings.Count == 0 ? null : "corrupt after it was written to again: " + string.Join("; ", findings);
    }

    private Qcow2Node Open(SimulatedDevice[] devices, OpenFlags flags) =>
        Synchronous.Run(DiskSession.OpenNodeAsync(devices, start, s_plain, flags));

    private static ImageHeader Header(SimulatedDevice[] devices, HeaderParsing parsing) =>
        Synchronous.Run(HeaderReader.ReadAsync(devices[0], parsing, CancellationToken.None));

    private static CheckReport Check(
        SimulatedDevice[] devices, ImageHeader header, RepairMode repair, List<string> findings)
    {
        var options = new CheckOptions
        {
            Repair = repair,
            Parallelism = 1,
            OnFinding = finding => findings.Add(finding.Text),
        };
        return Synchronous.Run(ImageChecker.CheckAsync(devices[0], header, options));
    }

    /// <summary>
    /// Leaks cost space only. Version 2 has no dirty bit to say that a snapshot operation was under way: there a
    /// missing "copied" flag, which costs one copy, may be left.
    /// </summary>
    private static bool IsHarmless(string finding, int version) =>
        finding.StartsWith("Leaked cluster", StringComparison.Ordinal) ||
        (version < 3 && MissingCopiedFlag().IsMatch(finding));

    [GeneratedRegex("^ERROR OFLAG_COPIED .*_entry=[0-9a-f]{1,15} refcount=1$")]
    private static partial Regex MissingCopiedFlag();
}
