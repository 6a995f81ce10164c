using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Bitmaps;

/// <summary>
/// Says in a writable image that its persistent bitmaps are not kept up to date: their flag "in use" is set while the
/// image is open, so that no backup program trusts a bitmap that missed writes. An image that was not changed
/// gets its flags back when it is closed. Source: specification, "Bitmap directory".
/// <para>For one open image; not thread-safe.</para>
/// </summary>
internal sealed class BitmapUse(Qcow2Node node)
{
    private const int FlagsOffset = 12;
    private const int ExtraBytesOffset = 20;
    private const int NameBytesOffset = 18;

    private byte[]? _before;

    /// <summary>Marks every bitmap; does nothing where there is none.</summary>
    /// <exception cref="BlockException">The directory cannot be read or written.</exception>
    public async ValueTask BeginAsync(CancellationToken cancellation)
    {
        if (_before is not null || node.Header.Bitmaps is not { } bitmaps)
            return;
        byte[] before = new byte[bitmaps.DirectoryBytes];
        await node.Tables.File.ReadAsync(bitmaps.DirectoryOffset.Value, before, cancellation).ConfigureAwait(false);
        byte[] marked = Mark(before);
        if (!marked.AsSpan().SequenceEqual(before))
            await WriteAsync(bitmaps, marked, cancellation).ConfigureAwait(false);
        _before = before;
    }

    /// <summary>The image is closed, flushed: nothing was changed since <see cref="BeginAsync"/>.</summary>
    /// <exception cref="BlockException">The directory cannot be written.</exception>
    public async ValueTask RestoreAsync(CancellationToken cancellation)
    {
        if (_before is { } before && node.Header.Bitmaps is { } bitmaps && !Mark(before).AsSpan().SequenceEqual(before))
            await WriteAsync(bitmaps, before, cancellation).ConfigureAwait(false);
        _before = null;
    }

    private static byte[] Mark(byte[] directory)
    {
        byte[] marked = (byte[])directory.Clone();
        Span<byte> rest = marked;
        while (rest.Length >= BitmapDirectoryEntry.FixedBytes)
        {
            Span<byte> flags = rest[FlagsOffset..];
            uint value = BinaryPrimitives.ReadUInt32BigEndian(flags) | (uint)BitmapFlags.InUse;
            BinaryPrimitives.WriteUInt32BigEndian(flags, value);
            long length = BitmapDirectoryEntry.FixedBytes
                + (long)BinaryPrimitives.ReadUInt32BigEndian(rest[ExtraBytesOffset..])
                + BinaryPrimitives.ReadUInt16BigEndian(rest[NameBytesOffset..]);
            rest = rest[(int)Math.Min((length + 7) & ~7L, rest.Length)..];
        }

        return marked;
    }

    private async ValueTask WriteAsync(BitmapsExtension bitmaps, byte[] directory, CancellationToken cancellation)
    {
        await node.Structure.WriteCheckedAsync(
            bitmaps.DirectoryOffset, directory, OverlapChecks.BitmapDirectory, cancellation).ConfigureAwait(false);
        await node.FlushOrder.SyncAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
    }
}
