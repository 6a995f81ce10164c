using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Files;
using Byre.Storage.Tests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace Byre.Storage.Tests;

/// <summary>Random requests against a file and an array of bytes: both must read the same after each.</summary>
public sealed class FileModelTests : IDisposable
{
    private const int MaxBytes = 1 << 20;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(OpenFlags.None, int.MaxValue)]
    [InlineData(OpenFlags.None, 5000)]
    [InlineData(OpenFlags.CacheDirect, int.MaxValue)]
    [InlineData(OpenFlags.CacheDirect, 8192)]
    public void A_file_reads_as_an_array_would(OpenFlags cache, int maxTransferBytes)
    {
        Gen<Step[]> steps = StepGenerator().ArrayOf();
        Prop.ForAll(Arb.From(steps), list => RunAsync(list, cache, maxTransferBytes).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(25).WithEndSize(40));
    }

    private static Gen<Step> StepGenerator() =>
        from kind in Gen.Choose(0, 6)
        from offset in Gen.OneOf(Gen.Choose(0, MaxBytes / 2), Gen.Choose(0, 100).Select(i => i * 4096))
        from length in Gen.OneOf(Gen.Choose(1, 20_000), Gen.Choose(1, 60).Select(i => i * 4096))
        from segments in Gen.Choose(1, 5)
        select new Step(kind, offset, length, segments);

    private async Task<bool> RunAsync(Step[] steps, OpenFlags cache, int maxTransferBytes)
    {
        var calls = new FaultyCalls { MaxTransferBytes = maxTransferBytes };
        byte[] model = new byte[MaxBytes];
        string name = _directory.File("model");
        long length;
        await using (FileStorage node = Nodes.Open(name, Nodes.Writable | cache, calls))
        {
            node.ExpectAppends();
            await ApplyAllAsync(node, model, steps);
            length = node.LengthBytes;
        }

        Assert.Equal(length, new FileInfo(name).Length);
        return true;
    }

    private static async Task ApplyAllAsync(FileStorage node, byte[] model, Step[] steps)
    {
        for (int i = 0; i < steps.Length; i++)
        {
            await ApplyAsync(node, model, steps[i], seed: i);
            Assert.Equal(model, await Nodes.ReadAsync(node, 0, MaxBytes));
            await CheckHolesAsync(node, model);
        }
    }

    private static async Task ApplyAsync(FileStorage node, byte[] model, Step step, int seed)
    {
        var range = new ByteRange(step.Offset, step.Length);
        Memory<byte> target = model.AsMemory(step.Offset, step.Length);
        switch (step.Kind)
        {
            case 0 or 1 or 2:
                byte[] data = Nodes.Pattern(step.Length, seed);
                await node.WriteAsync(step.Offset, Split(data, step.Segments));
                data.CopyTo(target);
                break;
            case 3:
                await node.WriteZeroesAsync(range);
                target.Span.Clear();
                break;
            case 4:
                await node.WriteZeroesAsync(range, RequestFlags.MayUnmap);
                target.Span.Clear();
                break;
            case 5:
                await node.TruncateAsync(new TruncateRequest(step.Offset));
                model.AsSpan(step.Offset).Clear();
                break;
            default:
                byte[] back = new byte[step.Length];
                await node.ReadAsync(step.Offset, Split(back, step.Segments));
                Assert.Equal(target.ToArray(), back);
                break;
        }
    }

    private static async Task CheckHolesAsync(BlockNode node, byte[] model)
    {
        for (long offset = 0; offset < node.LengthBytes;)
        {
            BlockExtent extent = await node.GetStatusAsync(ByteRange.FromEnd(offset, node.LengthBytes));
            Assert.True(extent.Length > 0);
            if (extent.Has(BlockStatus.Zero))
                Assert.True(ZeroDetector.IsZero(model.AsSpan((int)offset, (int)extent.Length)));
            offset = extent.Range.End;
        }
    }

    private static IoVector Split(byte[] bytes, int segments)
    {
        int size = Math.Max(1, bytes.Length / segments);
        var parts = new List<Memory<byte>>();
        for (int offset = 0; offset < bytes.Length; offset += size)
            parts.Add(bytes.AsMemory(offset, Math.Min(size, bytes.Length - offset)));
        return new IoVector(parts.ToArray());
    }

    private sealed record Step(int Kind, int Offset, int Length, int Segments);
}
