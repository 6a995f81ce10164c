using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Bitmaps;

/// <summary>Reads the bitmap directory of an image whose header has been validated. Stateless.</summary>
internal static class BitmapDirectoryReader
{
    /// <summary>Reads all entries; none where the image has no bitmaps.</summary>
    /// <exception cref="BlockException">The directory cannot be read or is broken.</exception>
    public static async ValueTask<IReadOnlyList<BitmapDirectoryEntry>> ReadAsync(
        BlockNode file, ImageHeader header, CancellationToken cancellation)
    {
        if (header.Bitmaps is not { } bitmaps)
            return [];

        // What the header claims is not more than the file can hold, or it is not there.
        if (bitmaps.DirectoryOffset.Value > file.LengthBytes - bitmaps.DirectoryBytes)
            throw new BlockException(BlockErrorKind.CorruptImage, Errno.Invalid, "Broken bitmap directory");
        byte[] directory = new byte[bitmaps.DirectoryBytes];
        try
        {
            await file.ReadAsync(bitmaps.DirectoryOffset.Value, directory, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Failed to read bitmap directory: ");
        }

        return BitmapDirectoryCodec.Parse(directory, header);
    }
}
