using Byre.Block.Errors;
using Byre.Qcow2.Check;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Io;
using Xunit.Abstractions;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>
/// Damaged images are repaired, and the first, second, ... n-th storage call of the repair fails. Then the repair has
/// said so; the image has no more corruption than before, and nobody says of it that it has none; everything that could
/// be read can be read; and a second repair leaves nothing.
/// </summary>
public sealed class FaultRepairTests(ITestOutputHelper output)
{
    private const ulong Copied = 1UL << 63;

    private static readonly (FaultGeometry Geometry, Lazy<byte[]> File)[] Images =
    [
        Prepare(new(512, 16, false, false)),
        Prepare(new(4096, 64, false, true)),
        Prepare(new(16384, 8, true, false)),
    ];

    private static readonly Fault[] Kinds =
    [
        new(),
        new() { Effect = FaultEffect.Torn },
        new() { Effect = FaultEffect.Everything },
        new() { IsPersistent = true },
        new() { Error = Errno.NoSpace, Effect = FaultEffect.Torn },
        new() { Error = Errno.NoSpace, IsPersistent = true, IsFullDevice = true },
    ];

    private static readonly Dictionary<string, Action<DamagedImage>> Damages = new(StringComparer.Ordinal)
    {
        ["leaks"] = image => image.Recount(1, 3, 4).Recount(0, 1, 3),
        ["counts too low"] = image => image.Recount(2, 1, 5),
        ["counts wrong"] = image => image.Recount(2, 1, 3).Recount(1, 2, 3),
        ["free clusters in use"] = image => image.Recount(1, 0, 6),
        ["no refcount block"] = image => image.Clear(image.FirstRefcountBlock, 64),
        ["no refcount structure"] = image => image.Poke64(image.RefcountTable, 0),
        ["block unaligned"] = image => image.Flip(image.RefcountTable, 0x100),
        ["block with reserved bits"] = image => image.Flip(image.RefcountTable, 1),
        ["block behind the end"] = image =>
            image.Poke64(image.RefcountTable + 8, (ulong)image.Bytes.Length + (1 << 20)),
        ["flags"] = image => image
            .Flip(image.L1, Copied)
            .Flip(image.FirstL2, Copied)
            .Mark(IncompatibleFeatures.Corrupt),
        ["misplaced zero cluster"] = image =>
            image.Poke64(image.FirstL2 + (30 * image.Geometry.L2EntryBytes), image.Geometry.ClusterSize == 512
                ? 0
                : image.Geometry.HasSubclusters ? 0x10200UL : 0x10201),
        ["snapshot records"] = image => image.Poke32(image.SnapshotTable + 36, 8),
        ["everything"] = image => image
            .Clear(image.FirstRefcountBlock, 64)
            .Flip(image.L1, Copied)
            .Poke32(image.SnapshotTable + 36, 8)
            .Mark(IncompatibleFeatures.Corrupt | IncompatibleFeatures.Dirty),
    };

    private readonly Random _random = new(FaultSettings.Seed);

    public static IEnumerable<object[]> Names => Damages.Keys.Select(name => new object[] { name });

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_call_of_a_repair_may_fail(string name)
    {
        int runs = 0;
        int calls = 0;
        foreach ((FaultGeometry geometry, Lazy<byte[]> sound) in Images)
        {
            var damaged = new DamagedImage(sound.Value);
            Damages[name](damaged);
            foreach (RepairMode mode in (RepairMode[])[RepairMode.Leaks, RepairMode.All])
            {
                var patient = new Patient(geometry, damaged.Bytes, mode);
                calls += patient.Repair(new Fault()).Calls;
                foreach (Fault kind in Kinds)
                    runs += RunAll(patient, kind);
            }
        }

        output.WriteLine($"# faults of check -r: {runs} runs of {calls * Kinds.Length}, {name}");
    }

    private static (FaultGeometry Geometry, Lazy<byte[]> File) Prepare(FaultGeometry geometry) =>
        (geometry, new(() => FaultRunner.Prepare(geometry, new("repair", Fill, static _ => { })).File));

    /// <summary>The kernel may transfer less than it was asked to: the repair does the same all the same.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Any_transfer_of_a_repair_may_be_short(string name)
    {
        int runs = 0;
        foreach ((FaultGeometry geometry, Lazy<byte[]> sound) in Images)
        {
            var damaged = new DamagedImage(sound.Value);
            Damages[name](damaged);
            byte[] expected = RepairShort(damaged, new Fault(), out int transfers);
            foreach (ShortCut cut in Enum.GetValues<ShortCut>())
            {
                for (int call = 1; call <= transfers; call++)
                {
                    if (!FaultSettings.Everything && _random.Next(16) != 0)
                        continue;
                    runs++;
                    var fault = new Fault { Call = call, Cut = cut };
                    byte[] actual = RepairShort(damaged, fault, out _);
                    Assert.True(actual.AsSpan().SequenceEqual(expected), $"{geometry}, {name}, {fault}");
                }
            }
        }

        output.WriteLine($"# short transfers of check -r: {runs} runs, {name}");
    }

    private static byte[] RepairShort(DamagedImage damaged, Fault fault, out int transfers)
    {
        var clock = new FaultClock(fault, 0);
        using var file = new ShortFile(damaged.Bytes, clock);
        var options = new CheckOptions { Repair = RepairMode.All, Parallelism = 1 };
        EngineHarness.Run(ImageChecker.CheckAsync(file.Node, damaged.Header, options));
        transfers = clock.Transfers;
        return file.TakeDisk();
    }

    /// <summary>Clusters of all kinds, some of them shared with a snapshot.</summary>
    private static void Fill(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Write(0, 3 * cluster, 2);
        bench.Zero(cluster, cluster);
        bench.Write(4 * cluster, cluster, 3, Block.Requests.RequestFlags.Compressed);
        bench.Write(9 * cluster, cluster / 2, 5);
        bench.CreateSnapshot("first");
        bench.Write(cluster / 2, cluster, 6);
        bench.Write(20 * cluster, 4 * cluster, 7);
    }

    private int RunAll(Patient patient, Fault kind)
    {
        int calls = patient.Repair(new Fault()).Calls;
        int runs = 0;
        for (int call = 1; call <= calls; call++)
        {
            if (!FaultSettings.Everything && _random.Next(24) != 0)
                continue;
            patient.Repair(kind with { Call = call });
            runs++;
        }

        return runs;
    }

    /// <summary>A damaged image, and what is known of it.</summary>
    private sealed class Patient(FaultGeometry geometry, byte[] bytes, RepairMode mode)
    {
        private readonly long _corruptions = FaultVerifier.CountCorruptions(bytes).Harmful;
        private readonly List<byte[]?> _content = FaultImageReader.ReadAll(geometry, bytes);

        /// <summary>Repairs a copy, and looks at what became of it.</summary>
        public FaultClock Repair(Fault fault)
        {
            var clock = new FaultClock(fault, fault.Call) { IsRunning = true };
            var file = FaultDevice.Holding(bytes, clock);
            var findings = new List<string>();
            string end;
            try
            {
                CheckReport report = Check(file, mode, findings);
                end = report.CheckErrors > 0 ? "check errors" : "done";
            }
            catch (BlockException failure)
            {
                end = failure.Message;
            }

            clock.IsRunning = false;
            string what = $"{geometry}, {mode}, {fault}: {string.Join("; ", findings)}; {end}; " +
                string.Join(", ", clock.Hits);
            // Reading is tried again piece by piece; a hole that could not be punched costs space; where a block behind
            // the end cannot be made part of the file, others take its place.
            Assert.True(
                end != "done" || clock.Hits.All(
                    hit => hit.Kind is FaultCalls.Discard or FaultCalls.Read or FaultCalls.Truncate),
                $"the error was swallowed: {what}");
            Verify(file.TakeDisk(), what);
            return clock;
        }

        private static CheckReport Check(FaultDevice file, RepairMode mode, List<string> findings)
        {
            byte[] header = new byte[Math.Min(65536, file.LengthBytes)];
            bool ran = file.Clock.IsRunning;
            file.Clock.IsRunning = false;
            EngineHarness.Run(file.ReadAsync(0, header));
            file.Clock.IsRunning = ran;
            return EngineHarness.Run(ImageChecker.CheckAsync(
                file,
                HeaderCodec.Parse(header, HeaderParsing.ForCheck),
                new CheckOptions
                {
                    Repair = mode,
                    OnFinding = finding => findings.Add(finding.Text),
                    Parallelism = 1,
                }));
        }

        private void Verify(byte[] disk, string what)
        {
            (long left, long harmful) = FaultVerifier.CountCorruptions(disk);
            Assert.True(harmful <= _corruptions, $"{harmful} corruptions after {_corruptions}: {what}");
            ImageHeader header = HeaderCodec.Parse(disk, HeaderParsing.ForCheck);
            bool wasMarked = HeaderCodec.Parse(bytes, HeaderParsing.ForCheck).IsCorrupt;
            Assert.True(left == 0 || header.IsCorrupt || !wasMarked, $"no longer marked as corrupt: {what}");
            Compare(disk, what);

            var file = FaultDevice.Holding(disk, new FaultClock(new Fault(), 0));
            var findings = new List<string>();
            if (Check(file, RepairMode.All, findings).NeedsSecondCheck)
                Check(file, RepairMode.All, findings);
            var remaining = new List<string>();
            Check(file, RepairMode.None, remaining);
            Assert.True(
                remaining.Count == 0,
                $"after the second repair: {string.Join("; ", remaining)}; second: {string.Join("; ", findings)}; " +
                what);
            Compare(file.TakeDisk(), "second repair: " + what);
        }

        private void Compare(byte[] disk, string what)
        {
            string? loss = FaultImageReader.FindLoss(_content, FaultImageReader.ReadAll(geometry, disk));
            Assert.True(loss is null, $"{loss}: {what}");
        }
    }
}
