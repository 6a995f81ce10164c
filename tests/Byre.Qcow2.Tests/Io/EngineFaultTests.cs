using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Create;

namespace Byre.Qcow2.Tests.Io;

/// <summary>
/// The first, second, ... n-th storage call fails, until a program runs through: the failure reaches a request, what
/// was
/// flushed before is there, and the image has no corruption (leaks are allowed).
/// </summary>
public sealed class EngineFaultTests
{
    private const int Clusters = 150;

    [Theory]
    [InlineData(512, 16, false, Errno.InputOutput)]
    [InlineData(512, 1, false, Errno.NoSpace)]
    [InlineData(512, 64, false, Errno.NoSpace)]
    [InlineData(16384, 16, true, Errno.InputOutput)]
    public void EveryCallMayFailOnce(int clusterBytes, int refcountBits, bool extendedL2, int errno)
    {
        int n = 1;
        while (RunWithFault(clusterBytes, refcountBits, extendedL2, errno, n))
            n++;
        Assert.True(n > 100, $"only {n} storage calls");
    }

    /// <summary>Returns whether the n-th call was reached.</summary>
    private static bool RunWithFault(int clusterBytes, int refcountBits, bool extendedL2, int errno, int n)
    {
        var harness = new EngineHarness(
            new Qcow2CreateOptions
            {
                SizeBytes = Clusters * clusterBytes,
                ClusterSizeBytes = clusterBytes,
                RefcountBits = refcountBits,
                ExtendedL2 = extendedL2,
            });
        harness.Create();
        var faulty = new FaultyNode(harness.File) { Errno = errno };
        harness.Open(faulty);
        faulty.FailAfter = n;

        // What each byte may read as: the value that was flushed last, or one written later.
        byte[] flushed = new byte[Clusters * clusterBytes];
        byte[] written = new byte[flushed.Length];
        bool[] uncertain = new bool[flushed.Length];
        var random = new Random(errno);
        for (int step = 0; step < 72; step++)
            Step(harness, random, step, written, flushed, uncertain);

        string? failed = faulty.Failed;
        faulty.FailAfter = 0;
        try
        {
            harness.Close();
        }
        catch (BlockException)
        {
            Assert.NotNull(failed ?? faulty.Failed);
        }

        CheckAfterwards(harness, $"call {n} ({failed})", flushed, written, uncertain);
        return failed is not null;
    }

    private static void Step(
        EngineHarness harness, Random random, int step, byte[] written, byte[] flushed, bool[] uncertain)
    {
        int cluster = harness.Options.ClusterSizeBytes;
        int length = random.Next(1, 4 * cluster);
        int offset = random.Next(written.Length - length);
        byte value = (byte)(step + 1);
        try
        {
            switch (step % 6)
            {
                case 3:
                    value = 0;
                    Mark(uncertain, offset, length);
                    var range = new ByteRange(offset, length);
                    EngineHarness.Run(harness.Node.WriteZeroesAsync(range, RequestFlags.MayUnmap));
                    break;
                case 4:
                    value = 0;
                    offset = offset / cluster * cluster;
                    length = cluster;
                    Mark(uncertain, offset, length);
                    EngineHarness.Run(harness.Node.DiscardAsync(new ByteRange(offset, length)));
                    break;
                case 5:
                    EngineHarness.Run(harness.Node.FlushAsync());
                    written.CopyTo(flushed, 0);
                    return;
                default:
                    byte[] data = new byte[length];
                    data.AsSpan().Fill(value);
                    Mark(uncertain, offset, length);
                    EngineHarness.Run(harness.Node.WriteAsync(offset, data));
                    break;
            }

            written.AsSpan(offset, length).Fill(value);
        }
        catch (BlockException)
        {
            // The request says that it failed: any mixture of old and new is allowed where it wanted to write.
        }
    }

    private static void Mark(bool[] uncertain, int offset, int length) => uncertain.AsSpan(offset, length).Fill(true);

    private static void CheckAfterwards(
        EngineHarness harness, string what, byte[] flushed, byte[] written, bool[] uncertain)
    {
        byte[] header = new byte[harness.Options.ClusterSizeBytes];
        EngineHarness.Run(harness.File.ReadAsync(0, header));
        var findings = new List<string>();
        CheckReport report = EngineHarness.Run(ImageChecker.CheckAsync(
            harness.File,
            HeaderCodec.Parse(header),
            new CheckOptions { OnFinding = finding => findings.Add(finding.Text), Parallelism = 1 }));
        Assert.True(report.Corruptions == 0 && report.CheckErrors == 0, $"{what}: {string.Join("; ", findings)}");

        harness.Open();
        byte[] actual = new byte[flushed.Length];
        EngineHarness.Run(harness.Node.ReadAsync(0, actual));
        for (int i = 0; i < actual.Length; i++)
        {
            bool allowed = actual[i] == written[i] || actual[i] == flushed[i] || uncertain[i];
            if (!allowed)
                Assert.Fail($"{what}: byte 0x{i:x} is {actual[i]}, not {flushed[i]} or {written[i]}");
        }

        harness.Close();
    }
}
