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
        BlockNode file, ImageHeader header, CancellationToken cancellation) =>
        (await ReadTableAsync(file, header, cancellation).ConfigureAwait(false)).Records;

    /// <summary>
    /// Reads all records, and tells how many bytes the table has: more than its records need to be written, where
    /// their names have bytes behind a zero.
    /// </summary>
    /// <exception cref="BlockException">As <see cref="ReadAsync"/>.</exception>
    public static async ValueTask<(IReadOnlyList<SnapshotRecord> Records, long LengthBytes)> ReadTableAsync(
        BlockNode file, ImageHeader header, CancellationToken cancellation)
    {
        var records = new List<SnapshotRecord>();
        var table = new Window(file, header.Snapshots.Offset.Value);
        long position = 0;
        for (int index = 0; index < header.Snapshots.Count; index++)
        {
            position = SnapshotCodec.Align(position);
            if (header.Snapshots.Offset.Value + position >= file.LengthBytes)
            {
                // Behind the end of the file everything is zero: what the header claims there costs next to nothing.
                byte[] zeroes = new byte[SnapshotRecord.FixedBytes];
                SnapshotRecord empty = SnapshotCodec.Parse(zeroes, header.VirtualSizeBytes);
                int left = (int)(header.Snapshots.Count - index);
                records.AddRange(Enumerable.Repeat(empty, left));
                position += (long)left * SnapshotRecord.FixedBytes;
                break;
            }

            ReadOnlyMemory<byte> fixedPart = await table.ReadAsync(position, SnapshotRecord.FixedBytes, cancellation)
                .ConfigureAwait(false);
            if (SnapshotCodec.ReadExtraBytes(fixedPart.Span) > FormatLimits.MaxSnapshotExtraBytes)
            {
                throw TooLarge(
                    $"Too much extra metadata in snapshot table entry {index}",
                    "You can force-remove this extra metadata with qemu-img check -r all\n");
            }

            int length = (int)SnapshotCodec.ReadLength(fixedPart.Span);
            ReadOnlyMemory<byte> record = await table.ReadAsync(position, length, cancellation).ConfigureAwait(false);
            records.Add(SnapshotCodec.Parse(record.Span, header.VirtualSizeBytes));
            position += length;
            if (position > FormatLimits.MaxSnapshotTableBytes)
            {
                throw TooLarge(
                    "Snapshot table is too big",
                    $"You can force-remove all {header.Snapshots.Count - index} overhanging snapshots with " +
                    "qemu-img check -r all\n");
            }
        }

        return (records, position);
    }

    private static BlockException TooLarge(string message, string hint) =>
        new(BlockErrorKind.CorruptImage, Errno.FileTooLarge, message) { Hint = hint };

    /// <summary>The part of the table that was read last: records are small, and many are read at once.</summary>
    private sealed class Window(BlockNode file, long start)
    {
        private const int ReadBytes = 1 << 14;

        private byte[] _bytes = [];
        private long _position;

        /// <summary>The table's bytes there; zeroes behind the end of the file. Valid until the next call.</summary>
        public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(
            long position, int length, CancellationToken cancellation)
        {
            if (position < _position || position + length > _position + _bytes.Length)
            {
                _bytes = new byte[Math.Max(length, (int)Math.Min(ReadBytes, file.LengthBytes - start - position))];
                _position = position;
                await FillAsync(cancellation).ConfigureAwait(false);
            }

            return _bytes.AsMemory((int)(position - _position), length);
        }

        private async ValueTask FillAsync(CancellationToken cancellation)
        {
            try
            {
                await file.ReadAsync(start + _position, _bytes, cancellation).ConfigureAwait(false);
            }
            catch (BlockException failure)
            {
                throw failure.Prepend("Failed to read snapshot table: ");
            }
        }
    }
}
