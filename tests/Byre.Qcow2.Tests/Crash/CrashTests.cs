using System.Globalization;
using System.Text.RegularExpressions;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Crash;

/// <summary>
/// Cuts the power anywhere in seeded programs and looks at what is left (docs/crash-consistency.md): the metadata is
/// consistent but for leaks, and every sector of the disk holds what it held at the last flush, or what was written
/// to it since.
/// </summary>
public sealed class CrashTests
{
    private const int CutsPerProgram = 60;
    private const int StepsPerProgram = 40;

    [Theory]
    [InlineData(512, false, 0)]
    [InlineData(4096, false, 0)]
    [InlineData(4096, false, 60_000)]
    [InlineData(65536, false, 0)]
    [InlineData(16384, true, 0)]
    [InlineData(16384, true, 200_000)]
    public void A_power_cut_loses_nothing_that_was_flushed(int clusterBytes, bool extendedL2, int backingBytes)
    {
        int seed = Setting("BYRE_SEED", 20260801);
        long end = Environment.TickCount64 + (Setting("BYRE_SOAK_SECONDS", 0) * 1000L);
        int programs = 0;
        do
        {
            RunProgram(clusterBytes, extendedL2, backingBytes, seed + programs);
            programs++;
        }
        while (programs < 2 || Environment.TickCount64 < end);
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value)
            ? value : otherwise;

    private static void RunProgram(int clusterBytes, bool extendedL2, int backingBytes, int seed)
    {
        var random = new Random(seed);
        var options = new Qcow2CreateOptions
        {
            SizeBytes = 24L * clusterBytes,
            ClusterSizeBytes = clusterBytes,
            ExtendedL2 = extendedL2,
            CompressionType = seed % 2 == 0 ? CompressionType.Zlib : CompressionType.Zstd,
        };
        byte[]? backing = backingBytes > 0 ? new byte[backingBytes] : null;
        if (backing is not null)
            random.NextBytes(backing);
        using var harness = new EngineHarness(options, backing);
        harness.Create();
        byte[] start = harness.File.Content.ToArray();
        var device = new RecordingNode(harness.File);
        harness.Open(device);
        var history = new GuestHistory(harness.Expected);
        for (int step = 0; step < StepsPerProgram; step++)
            Step(harness, device, history, random, clusterBytes);
        Action<int> closed = history.BeginFlush("close", device.Events.Count);
        harness.Close();
        closed(device.Events.Count);

        for (int cut = 0; cut < CutsPerProgram; cut++)
        {
            int events = cut == 0 ? device.Events.Count : random.Next(device.Events.Count + 1);
            byte[] left = CrashedDevice.Make(start, device.Events, events, random);
            string what =
                $"cluster {clusterBytes} extended {extendedL2} backing {backingBytes} seed {seed} cut {events}";
            Verify(options, backing, left, history, events, what);
        }
    }

    private static void Verify(
        Qcow2CreateOptions options, byte[]? backing, byte[] left, GuestHistory history, int events, string what)
    {
        using var crashed = new EngineHarness(options, backing);
        EngineHarness.Run(crashed.File.WriteAsync(0, left));
        ImageHeader header = HeaderCodec.Parse(left.AsSpan(0, Math.Min(left.Length, options.ClusterSizeBytes)));
        var findings = new List<string>();
        var checking = new CheckOptions { OnFinding = finding => findings.Add(finding.Text), Parallelism = 1 };
        CheckReport report = EngineHarness.Run(ImageChecker.CheckAsync(crashed.File, header, checking));
        findings.RemoveAll(IsHarmless);
        Assert.True(findings.Count == 0 && report.CheckErrors == 0, $"{what}: {string.Join("; ", findings)}");

        crashed.Open();
        byte[] content = new byte[options.SizeBytes];
        EngineHarness.Run(crashed.Node.ReadAsync(0, content));
        crashed.Close();
        long impossible = history.FindImpossible(content, events);
        Assert.True(
            impossible < 0,
            $"{what}: 0x{impossible:x} holds what nobody wrote there: {string.Join(' ', history.Names)}");
    }

    /// <summary>
    /// Leaks cost space only. A missing "copied" flag costs one copy: while a snapshot is made, the flags go first.
    /// </summary>
    private static bool IsHarmless(string finding) =>
        finding.StartsWith("Leaked cluster", StringComparison.Ordinal) ||
        Regex.IsMatch(finding, "^ERROR OFLAG_COPIED .*_entry=[0-9a-f]{1,15} refcount=1$");

    private static void Step(
        EngineHarness harness, RecordingNode device, GuestHistory history, Random random, int clusterBytes)
    {
        int sectors = history.Current.Length / GuestHistory.SectorBytes;
        int first = random.Next(sectors);
        int most = Math.Min(
            sectors - first, random.Next(4) == 0 ? sectors : 2 * clusterBytes / GuestHistory.SectorBytes);
        var range = new ByteRange(
            first * GuestHistory.SectorBytes, random.Next(1, most + 1) * GuestHistory.SectorBytes);
        var clusters = new ByteRange(range.Offset / clusterBytes * clusterBytes, clusterBytes);
        byte[] bytes = new byte[range.Length];
        int before = device.Events.Count;
        int operation = random.Next(12);
        switch (operation)
        {
            case < 5:
                random.NextBytes(bytes);
                EngineHarness.Run(harness.Node.WriteAsync(range.Offset, bytes));
                break;
            case < 7:
                range = clusters;
                bytes = WriteCompressed(harness, history, range, random);
                break;
            case 7:
                EngineHarness.Run(harness.Node.WriteZeroesAsync(range, RequestFlags.MayUnmap));
                break;
            case 8:
                range = clusters;
                bytes = new byte[range.Length];
                EngineHarness.Run(harness.Node.DiscardAsync(range));
                break;
            case 9:
                EngineHarness.Run(
                    ((ISnapshotStore)harness.Node).CreateSnapshotAsync(new SnapshotInfo("", $"s{before}")));
                bytes = [];
                break;
            default:
                FlushBesideWrites(harness, device, history, random);
                return;
        }

        string name = $"{operation}:{range.Offset:x}+{range.Length:x}@{before}";
        history.Add(name, before, device.Events.Count, range.Offset, bytes);
    }

    /// <summary>A flush in whose first write to the device other requests are made, which it need not cover.</summary>
    private static void FlushBesideWrites(
        EngineHarness harness, RecordingNode device, GuestHistory history, Random random)
    {
        var beside = new List<Task>();
        int sectors = history.Current.Length / GuestHistory.SectorBytes;
        device.Meanwhile = () =>
        {
            for (int i = 0; i < 3; i++)
            {
                long offset = random.Next(sectors) * (long)GuestHistory.SectorBytes;
                byte[] bytes =
                    new byte[Math.Min(random.Next(1, 40) * GuestHistory.SectorBytes, history.Current.Length - offset)];
                bool isWrite = random.Next(3) > 0;
                if (isWrite)
                    random.NextBytes(bytes);
                int before = device.Events.Count;
                ValueTask request = isWrite
                    ? harness.Node.WriteAsync(offset, bytes)
                    : harness.Node.WriteZeroesAsync(new ByteRange(offset, bytes.Length), RequestFlags.MayUnmap);
                if (!request.IsCompletedSuccessfully)
                {
                    // It waits for the flush: nothing may overlap it, so that the order of what is written is known.
                    beside.Add(request.AsTask());
                    history.Add($"waiting:{offset:x}+{bytes.Length:x}@{before}", before, int.MaxValue, offset, bytes);
                    return;
                }

                history.Add($"beside:{offset:x}+{bytes.Length:x}@{before}", before, device.Events.Count, offset, bytes);
            }
        };
        Action<int> flushed = history.BeginFlush($"flush@{device.Events.Count}", device.Events.Count);
        EngineHarness.Run(harness.Node.FlushAsync());
        flushed(device.Events.Count);
        device.Meanwhile = null;
        EngineHarness.Run(new ValueTask(Task.WhenAll(beside)));
    }

    /// <summary>The bytes that the range holds now: new ones, or its own where a cluster is in the way.</summary>
    private static byte[] WriteCompressed(EngineHarness harness, GuestHistory history, ByteRange range, Random random)
    {
        byte[] bytes = new byte[range.Length];
        random.NextBytes(bytes.AsSpan(0, random.Next(1, bytes.Length / 2)));
        try
        {
            EngineHarness.Run(harness.Node.WriteAsync(range.Offset, bytes, RequestFlags.Compressed));
            return bytes;
        }
        catch (BlockException failure) when (failure.Errno == Errno.InputOutput)
        {
            // Compressed data never replaces a cluster.
            return history.Current.Slice((int)range.Offset, (int)range.Length).ToArray();
        }
    }
}
