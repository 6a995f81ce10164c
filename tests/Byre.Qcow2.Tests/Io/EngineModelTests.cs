using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Io;

/// <summary>Seeded guest programs on small images, checked against an array of bytes and by our own checker.</summary>
public sealed class EngineModelTests
{
    public static TheoryData<int, int, bool, int> Geometries => new()
    {
        { 512, 16, false, 0 },
        { 512, 1, false, 0 },
        { 512, 64, false, 100_000 },
        { 1024, 8, false, 777 },
        { 4096, 16, false, 1 << 20 },
        { 16384, 16, true, 0 },
        { 16384, 16, true, 300_000 },
        { 65536, 16, false, 0 },
        { 65536, 2, true, 1 << 20 },
    };

    [Theory]
    [MemberData(nameof(Geometries))]
    public void ProgramsMatchTheModel(int clusterBytes, int refcountBits, bool extendedL2, int backingBytes)
    {
        for (int seed = 1; seed <= 8; seed++)
            RunProgram(clusterBytes, refcountBits, extendedL2, backingBytes, seed);
    }

    private static void RunProgram(int clusterBytes, int refcountBits, bool extendedL2, int backingBytes, int seed)
    {
        string what =
            $"cluster {clusterBytes} refcount {refcountBits} extended {extendedL2} backing {backingBytes} seed {seed}";
        var random = new Random(seed);
        long size = (random.Next(1, 40) * clusterBytes) + (random.Next(
            0, clusterBytes / 512) * 512) + (clusterBytes < 4096 ? 200_000 / 512 * 512 : 0);
        byte[]? backing = null;
        if (backingBytes > 0)
        {
            backing = new byte[backingBytes];
            random.NextBytes(backing);
        }

        using var harness = new EngineHarness(
            new Qcow2CreateOptions
            {
                SizeBytes = size,
                ClusterSizeBytes = clusterBytes,
                RefcountBits = refcountBits,
                ExtendedL2 = extendedL2,
                CompressionType = seed % 2 == 0 ? CompressionType.Zstd : CompressionType.Zlib,
            },
            backing);
        harness.Create();
        harness.Open();
        for (int step = 0; step < 120; step++)
        {
            string at = $"{what} step {step}";
            Step(harness, random, clusterBytes);
            if (step % 10 == 9)
                harness.Verify(at);
            if (step % 40 == 39)
            {
                harness.Close();
                harness.Check(at);
                harness.Open();
                harness.Verify(at + " reopened");
            }
        }

        harness.Close();
    }

    private static void Step(EngineHarness harness, Random random, int clusterBytes)
    {
        byte[] expected = harness.Expected;
        int limit = random.Next(3) == 0 ? expected.Length : Math.Min(expected.Length, 3 * clusterBytes);
        int length = random.Next(1, limit + 1);
        int offset = random.Next(0, expected.Length - length + 1);
        int operation = random.Next(8);
        harness.Log.Add($"{operation}:{offset:x}+{length:x}");
        switch (operation)
        {
            case 0 or 1 or 2:
                byte[] data = new byte[length];
                random.NextBytes(data);
                EngineHarness.Run(harness.Node.WriteAsync(offset, data));
                data.CopyTo(expected, offset);
                break;
            case 3:
                WriteCompressed(harness, random, clusterBytes);
                break;
            case 4:
                RequestFlags flags = random.Next(2) == 0 ? RequestFlags.MayUnmap : RequestFlags.None;
                EngineHarness.Run(harness.Node.WriteZeroesAsync(new ByteRange(offset, length), flags));
                expected.AsSpan(offset, length).Clear();
                break;
            case 5:
                Discard(harness, random, clusterBytes);
                break;
            case 6:
                EngineHarness.Run(harness.Node.FlushAsync());
                break;
            default:
                byte[] actual = new byte[length];
                EngineHarness.Run(harness.Node.ReadAsync(offset, actual));
                Assert.True(actual.AsSpan().SequenceEqual(expected.AsSpan(offset, length)));
                break;
        }
    }

    private static void WriteCompressed(EngineHarness harness, Random random, int clusterBytes)
    {
        int clusters = (harness.Expected.Length + clusterBytes - 1) / clusterBytes;
        int cluster = random.Next(clusters);
        int offset = cluster * clusterBytes;
        byte[] data = new byte[Math.Min(clusterBytes, harness.Expected.Length - offset)];
        random.NextBytes(data.AsSpan(0, data.Length / random.Next(1, 5)));
        try
        {
            EngineHarness.Run(harness.Node.WriteAsync(offset, data, RequestFlags.Compressed));
            data.CopyTo(harness.Expected, offset);
            harness.Log.Add($"compressed {offset:x}+{data.Length:x}");
        }
        catch (BlockException failure) when (failure.Errno == Errno.InputOutput)
        {
            // The cluster is there already: compressed data never replaces one.
        }
    }

    private static void Discard(EngineHarness harness, Random random, int clusterBytes)
    {
        int clusters = harness.Expected.Length / clusterBytes;
        if (clusters == 0)
            return;
        int first = random.Next(clusters);
        int count = random.Next(1, clusters - first + 1);
        EngineHarness.Run(
            harness.Node.DiscardAsync(new ByteRange((long)first * clusterBytes, (long)count * clusterBytes)));
        harness.Log.Add($"discard {first * clusterBytes:x}+{count * clusterBytes:x}");
        harness.Expected.AsSpan(first * clusterBytes, count * clusterBytes).Clear();
    }
}
