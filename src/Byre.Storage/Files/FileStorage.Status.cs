using Byre.Block.Requests;

namespace Byre.Storage.Files;

/// <content>Holes.</content>
public sealed partial class FileStorage
{
    /// <inheritdoc/>
    protected override ValueTask<BlockExtent> GetStatusCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        (long end, bool isData) = _holes.Find(_file.Fd, range.Offset);
        // Data may end with the file, off the alignment: the block it ends in counts as data.
        long alignment = _limits.RequestAlignmentBytes;
        if (isData && end <= long.MaxValue - alignment)
            end = (end + alignment - 1) & -alignment;
        end = Math.Min(end, range.End);

        BlockStatus status = BlockStatus.OffsetValid | BlockStatus.Allocated;
        status |= isData ? BlockStatus.Data : BlockStatus.Zero;
        if (end >= LengthBytes)
            status |= BlockStatus.EndOfFile;
        return new ValueTask<BlockExtent>(new BlockExtent
        {
            Range = ByteRange.FromEnd(range.Offset, end),
            Status = status,
            HostOffset = range.Offset,
            HostNode = this,
        });
    }
}
