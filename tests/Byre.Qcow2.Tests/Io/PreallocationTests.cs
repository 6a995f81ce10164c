using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Check;
using Byre.Qcow2.Io;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Driver;

namespace Byre.Qcow2.Tests.Io;

/// <summary>Preallocation of disks that span several windows of the planner, and several tables.</summary>
public sealed class PreallocationTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"byre-prealloc-{Guid.NewGuid():N}.qcow2");

    [Theory]
    [InlineData("cluster_size=64k", 3)]
    [InlineData("cluster_size=128k", 5)]
    [InlineData("cluster_size=2M", 40)]
    [InlineData("cluster_size=256k,extended_l2=on", 5)]
    public async Task EveryClusterIsCountedOnceAndLinked(string options, long gib)
    {
        var images = new Images();
        await images.CreateAsync(_path, options + ",preallocation=metadata", $"{gib << 30}");
        await using (BlockNode node = await images.OpenAsync(_path, string.Empty))
        {
            // Again through one node: a table that is there already, and one that is not.
            await node.TruncateAsync(
                new TruncateRequest((gib + 3) << 30) { Preallocation = PreallocationMode.Metadata });
            var engine = (Qcow2Node)node;
            CheckReport report = await engine.CheckAsync(new CheckOptions());
            Assert.True(report.IsClean);
            await engine.FlushAsync();
            using MetadataScope scope = engine.Tables.Lock.Enter();
            engine.Tables.L2Cache.DropAll(scope);
            Assert.Equal(0, engine.L2Statistics.UsedSlices);
        }

        long clusterBytes = options.Contains("2M", StringComparison.Ordinal) ? 2 << 20 : 256 << 10;
        long tables = new FileInfo(_path).Length - ((gib + 3) << 30);
        Assert.InRange(tables, 0, 64 * clusterBytes);
    }

    public void Dispose() => File.Delete(_path);
}
