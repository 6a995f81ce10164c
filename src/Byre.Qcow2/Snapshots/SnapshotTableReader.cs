using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Snapshots;

/// <summary>Reads the snapshot table of an image whose header has been validated. Stateless.</summary>
internal static class SnapshotTableReader
{
    /// <summary>Reads all records.</summary>
    /// <exception cref="BlockException">The table cannot be read, or exceeds a limit (with a hint that a check
    /// repairs it).</exception>
    public static async ValueTask<IReadOnlyList<SnapshotRecord>> ReadAsync(
        BlockNode file, ImageHeader header, CancellationToken cancellation)
    {
        var records = new List<SnapshotRecord>();
        long start = header.Snapshots.Offset.Value;
        long position = 0;
        byte[] fixedPart = new byte[SnapshotRecord.FixedBytes];
        for (int index = 0; index < header.Snapshots.Count; index++)
        {
            position = SnapshotCodec.Align(position);
            await ReadAsync(file, start + position, fixedPart, cancellation).ConfigureAwait(false);
            if (SnapshotCodec.ReadExtraBytes(fixedPart) > FormatLimits.MaxSnapshotExtraBytes)
            {
                throw TooLarge(
                    $"Too much extra metadata in snapshot table entry {index}",
                    "You can force-remove this extra metadata with qemu-img check -r all\n");
            }

            byte[] record = new byte[SnapshotCodec.ReadLength(fixedPart)];
            await ReadAsync(file, start + position, record, cancellation).ConfigureAwait(false);
            records.Add(SnapshotCodec.Parse(record, header.VirtualSizeBytes));
            position += record.Length;
            if (position > FormatLimits.MaxSnapshotTableBytes)
            {
                throw TooLarge(
                    "Snapshot table is too big",
                    $"You can force-remove all {header.Snapshots.Count - index} overhanging snapshots with " +
                    "qemu-img check -r all\n");
            }
        }

        return records;
    }

    private static async ValueTask ReadAsync(
        BlockNode file, long offset, IoVector destination, CancellationToken cancellation)
    {
        try
        {
            await file.ReadAsync(offset, destination, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Failed to read snapshot table: ");
        }
    }

    private static BlockException TooLarge(string message, string hint) =>
        new(BlockErrorKind.CorruptImage, Errno.FileTooLarge, message) { Hint = hint };
}
