using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Byre.Block.Graph;
using Byre.Qcow2.Check;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>Looks at what faults left on the disks: opens it anew, compares, uses it, repairs it.</summary>
internal static partial class FaultVerifier
{
    public static void Verify(FaultImage image, string what)
    {
        FaultDevice file = Device(image.File);
        FaultDevice? data = image.Data is null ? null : Device(image.Data);
        RepairIfDirty(file);
        CheckMetadata(file, what);
        byte[] content = CheckContent(image, file, data, what);
        CheckSnapshots(image, file.TakeDisk(), what);
        GoOn(image.Geometry, file, data, content, what);
        Check(file, RepairMode.All);
        List<string> left = Check(file, RepairMode.None);
        Assert.True(left.Count == 0, $"after the repair: {string.Join("; ", left)}; {what}");
    }

    /// <summary>Fails where the check finds more than what is harmless.</summary>
    public static void CheckMetadata(FaultDevice file, string what)
    {
        List<string> findings = Check(file, RepairMode.None);
        findings.RemoveAll(finding => HarmlessFinding().IsMatch(finding));
        Assert.True(findings.Count == 0, $"{string.Join("; ", findings)}; {what}");
    }

    /// <summary>
    /// What a check finds wrong, and how much of that is worse than harmless. The image may be marked as corrupt.
    /// </summary>
    public static (long All, long Harmful) CountCorruptions(byte[] disk)
    {
        var findings = new List<string>();
        CheckReport report = EngineHarness.Run(ImageChecker.CheckAsync(
            Device(disk),
            HeaderCodec.Parse(disk, HeaderParsing.ForCheck),
            new CheckOptions { OnFinding = finding => findings.Add(finding.Text), Parallelism = 1 }));
        int harmless = findings.Count(finding => MissingFlag().IsMatch(finding));
        long all = report.Corruptions + report.CheckErrors;
        return (all, all - harmless);
    }

    /// <summary>What the driver does when it opens such an image to write to it.</summary>
    public static void RepairIfDirty(BlockNode file)
    {
        byte[] header = new byte[512];
        EngineHarness.Run(file.ReadAsync(0, header));
        if ((BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(72)) & (ulong)IncompatibleFeatures.Dirty) != 0)
            Check(file, RepairMode.All);
    }

    public static List<string> Check(BlockNode file, RepairMode repair)
    {
        byte[] header = new byte[Math.Min(65536, file.LengthBytes)];
        EngineHarness.Run(file.ReadAsync(0, header));
        var findings = new List<string>();
        CheckReport report = EngineHarness.Run(ImageChecker.CheckAsync(
            file,
            HeaderCodec.Parse(header),
            new CheckOptions { Repair = repair, OnFinding = finding => findings.Add(finding.Text), Parallelism = 1 }));
        if (report.CheckErrors > 0)
            findings.Add($"{report.CheckErrors} check errors");
        return findings;
    }

    private static FaultDevice Device(byte[] content) =>
        FaultDevice.Holding(content, new FaultClock(new Fault(), 0));

    private static byte[] CheckContent(FaultImage image, FaultDevice file, FaultDevice? data, string what)
    {
        Qcow2Node node = Open(image.Geometry, file, data);
        byte[] content = new byte[node.LengthBytes];
        EngineHarness.Run(node.ReadAsync(0, content));
        EngineHarness.Run(node.DisposeAsync());
        string? loss = image.Model.FindLoss(content);
        Assert.True(loss is null, $"opened again: {loss}; {what}");
        return content;
    }

    private static void CheckSnapshots(FaultImage image, byte[] disk, string what)
    {
        if (image.Snapshots.Count == 0)
            return;
        Qcow2Node node = Open(image.Geometry, Device(disk), null);
        var there = EngineHarness.Run(node.GetImageInfoAsync()).Snapshots.Select(known => known.Name).ToHashSet();
        foreach ((string name, FaultSnapshot snapshot) in image.Snapshots)
        {
            Assert.True(there.Contains(name) || !snapshot.IsCertain, $"snapshot {name} is gone; {what}");
            if (!there.Remove(name))
                continue;
            EngineHarness.Run(node.ApplySnapshotAsync(name));
            byte[] content = new byte[node.LengthBytes];
            EngineHarness.Run(node.ReadAsync(0, content));
            Assert.True(content.AsSpan().SequenceEqual(snapshot.Content), $"snapshot {name} has changed; {what}");
        }

        Assert.True(there.Count == 0, $"snapshot {string.Join(", ", there)} is there again; {what}");
    }

    /// <summary>Writes all over the image: space that is counted too low would be given out twice.</summary>
    private static void GoOn(
        FaultGeometry geometry, FaultDevice file, FaultDevice? data, byte[] content, string what)
    {
        Qcow2Node node = Open(geometry, file, data);
        byte[] bytes = new byte[geometry.ClusterBytes * 3 / 2];
        for (int offset = 0; offset + bytes.Length <= content.Length; offset += 4 * geometry.ClusterBytes)
        {
            bytes.AsSpan().Fill((byte)(offset / geometry.ClusterBytes));
            EngineHarness.Run(node.WriteAsync(offset, bytes));
            bytes.CopyTo(content, offset);
        }

        EngineHarness.Run(node.DisposeAsync());
        CheckMetadata(file, "gone on: " + what);
        node = Open(geometry, file, data);
        byte[] actual = new byte[content.Length];
        EngineHarness.Run(node.ReadAsync(0, actual));
        Assert.True(actual.AsSpan().SequenceEqual(content), $"gone on: content differs; {what}");
        EngineHarness.Run(node.DisposeAsync());
    }

    private static Qcow2Node Open(FaultGeometry geometry, FaultDevice file, FaultDevice? data)
    {
        Qcow2Node node = EngineHarness.Run(FaultBench.OpenNodeAsync(file, data, geometry));
        node.ReplaceBacking(geometry.OpenBacking());
        return node;
    }

    /// <summary>
    /// Leaks cost space only. A missing "copied" flag costs one copy: while a snapshot is made, the flags go first.
    /// </summary>
    [GeneratedRegex("^(Leaked cluster|ERROR OFLAG_COPIED .*_entry=[0-9a-f]{1,15} refcount=1$)")]
    private static partial Regex HarmlessFinding();

    [GeneratedRegex("^ERROR OFLAG_COPIED .*_entry=[0-9a-f]{1,15} refcount=1$")]
    private static partial Regex MissingFlag();
}
