using Byre.Block.Bitmaps;
using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.QemuNbd;

/// <summary>Finds the bitmaps that <c>-B</c> names in an image and those below it. Stateless.</summary>
internal static class ExportBitmaps
{
    /// <exception cref="BlockException">There is none, or it means nothing.</exception>
    public static async ValueTask<IReadOnlyList<DirtyBitmap>> FindAsync(BlockNode root, NbdCommandLine line)
    {
        var found = new List<DirtyBitmap>();
        foreach (string name in line.Bitmaps)
            found.Add(await FindAsync(root, name).ConfigureAwait(false));
        // Bitmaps do not follow writes here: of an image that changes they would tell lies.
        if (found.Count > 0 && !line.IsReadOnly)
            throw BlockException.NotSupported("Bitmaps can be exported with --read-only only");
        return found;
    }

    private static async ValueTask<DirtyBitmap> FindAsync(BlockNode root, string name)
    {
        foreach (BlockNode image in BackingChain.Images(root))
        {
            if (image is not IBitmapSource source ||
                await source.ReadBitmapAsync(name).ConfigureAwait(false) is not { } bitmap)
                continue;
            if (!bitmap.IsInconsistent)
                return bitmap;
            throw new BlockException(
                BlockErrorKind.InvalidArgument,
                Errno.Invalid,
                $"Bitmap '{name}' is inconsistent and cannot be used")
            {
                Hint = "Try block-dirty-bitmap-remove to delete this bitmap from disk\n",
            };
        }

        throw new BlockException(BlockErrorKind.NotFound, Errno.NoEntry, $"Bitmap '{name}' is not found");
    }
}
