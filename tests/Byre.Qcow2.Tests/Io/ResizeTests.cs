using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Io;

/// <summary>
/// A disk that grows keeps what it had, whatever the cluster is that its old end cuts in two; what it gains reads as
/// zeroes.
/// </summary>
public sealed class ResizeTests
{
    private const int Cluster = 16 << 10;
    private const int OldBytes = (2 * Cluster) + 1024;
    private const int NewBytes = (5 * Cluster) + 512;

    /// <summary>What the cluster at the old end is.</summary>
    public enum Tail
    {
        Unallocated,
        Data,
        Zero,
        ZeroAllocated,
        Compressed,
        Shared,
        SharedPart,
        Shrunk,
    }

    public static TheoryData<Tail, PreallocationMode, bool, bool> Cases()
    {
        var cases = new TheoryData<Tail, PreallocationMode, bool, bool>();
        foreach (Tail tail in Enum.GetValues<Tail>())
        {
            foreach (PreallocationMode mode in Enum.GetValues<PreallocationMode>())
            {
                foreach (bool extended in new[] { false, true })
                {
                    cases.Add(tail, mode, extended, false);
                    cases.Add(tail, mode, extended, true);
                }
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_larger_disk_keeps_its_end(Tail tail, PreallocationMode mode, bool extended, bool hasBacking)
    {
        var options = new Qcow2CreateOptions
        {
            SizeBytes = tail == Tail.Shrunk ? 3 * Cluster : OldBytes,
            ClusterSizeBytes = Cluster,
            ExtendedL2 = extended,
        };
        byte[]? backing = hasBacking ? new byte[4 * Cluster] : null;
        backing?.AsSpan().Fill(0xbb);
        using var image = new EngineHarness(options, backing);
        image.Create();
        image.Open();
        Prepare(image, tail);

        EngineHarness.Run(image.Node.TruncateAsync(new TruncateRequest(NewBytes) { Preallocation = mode }));

        byte[] before = image.Expected;
        image.Expected = new byte[NewBytes];
        before.AsSpan(0, OldBytes).CopyTo(image.Expected);
        image.Verify("after it grew");
        EngineHarness.Run(image.Node.FlushAsync());
        image.Close();
        image.Check("after it was closed");
        image.Open();
        image.Verify("opened again");
        image.Close();
    }

    private static void Prepare(EngineHarness image, Tail tail)
    {
        switch (tail)
        {
            case Tail.Unallocated:
                break;
            case Tail.Data:
                Write(image, 2 * Cluster, OldBytes);
                break;
            case Tail.Zero:
                Zero(image, RequestFlags.MayUnmap);
                break;
            case Tail.ZeroAllocated:
                Write(image, 2 * Cluster, OldBytes);
                Zero(image, RequestFlags.None);
                break;
            case Tail.Compressed:
                image.Expected.AsSpan(2 * Cluster, OldBytes - (2 * Cluster)).Fill(7);
                EngineHarness.Run(image.Node.WriteAsync(
                    2 * Cluster, image.Expected.AsMemory(2 * Cluster), RequestFlags.Compressed));
                break;
            case Tail.Shared:
                Write(image, 0, OldBytes);
                EngineHarness.Run(image.Node.CreateSnapshotAsync(new SnapshotInfo("1", "s")));
                break;
            case Tail.SharedPart:
                Write(image, 2 * Cluster, (2 * Cluster) + 512);
                EngineHarness.Run(image.Node.CreateSnapshotAsync(new SnapshotInfo("1", "s")));
                break;
            case Tail.Shrunk:
                Write(image, 0, 3 * Cluster);
                EngineHarness.Run(image.Node.TruncateAsync(new TruncateRequest(OldBytes)));
                break;
        }
    }

    private static void Write(EngineHarness image, int start, int end)
    {
        image.Expected.AsSpan(start, end - start).Fill(5);
        EngineHarness.Run(image.Node.WriteAsync(start, image.Expected.AsMemory(start, end - start)));
    }

    private static void Zero(EngineHarness image, RequestFlags flags)
    {
        image.Expected.AsSpan(2 * Cluster, OldBytes - (2 * Cluster)).Clear();
        EngineHarness.Run(image.Node.WriteZeroesAsync(ByteRange.FromEnd(2 * Cluster, OldBytes), flags));
    }

    /// <summary>The step that met it was named by an exception without the type: the image was not marked.</summary>
    [Theory]
    [InlineData(Cluster, "Failed to discard cropped clusters: Input/output error")]
    [InlineData(8 * Cluster, "Input/output error")]
    public void A_corruption_that_a_resize_meets_marks_the_image(int newBytes, string text)
    {
        var options = new Qcow2CreateOptions { SizeBytes = 3 * Cluster + 512, ClusterSizeBytes = Cluster };
        using var image = new EngineHarness(options);
        image.Create();
        image.Open();
        EngineHarness.Run(image.Node.WriteAsync(0, new byte[options.SizeBytes]));
        image.Close();
        byte[] entry = new byte[8];
        long l1 = BinaryPrimitives.ReadInt64BigEndian(image.File.Content[40..]);
        EngineHarness.Run(image.File.ReadAsync(l1, entry));
        entry[6] |= 2;
        EngineHarness.Run(image.File.WriteAsync(l1, entry));

        image.Open();
        var request = new TruncateRequest(newBytes);
        BlockException failure = Assert.Throws<BlockException>(
            () => EngineHarness.Run(image.Node.TruncateAsync(request)));
        Assert.Equal(text, failure.Message);
        image.Close();
        Assert.True(HeaderCodec.Parse(image.File.Content[..Cluster].ToArray(), HeaderParsing.ForCheck).IsCorrupt);
    }
}
