using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.WriteCache;

namespace Byre.Qcow2.Metadata;

/// <summary>The image file as the target of the compressed write cache: each write passes the overlap check.</summary>
internal sealed class CompressedDataTarget(ImageTables tables) : IWriteCacheTarget
{
    /// <summary>What the device below asks for; nodes between would read and write again to reach it.</summary>
    public int AlignmentBytes
    {
        get
        {
            int alignment = 1;
            for (BlockNode? node = tables.File; node is not null; node = node.File)
                alignment = Math.Max(alignment, node.Limits.RequestAlignmentBytes);
            return alignment;
        }
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(long offset, Memory<byte> content)
    {
        await tables.File.ReachAsync(BlockEvent.WriteCompressed).ConfigureAwait(false);
        using (MetadataScope scope = tables.Lock.Enter())
            tables.Overlap.Check(scope, new HostOffset(offset), content.Length, OverlapChecks.None);
        await tables.File.WriteAsync(offset, content, RequestFlags.None).ConfigureAwait(false);
    }
}
