namespace Byre.Block.Bitmaps;

/// <summary>A node whose image stores dirty bitmaps. Threading as <see cref="Graph.BlockNode"/>.</summary>
public interface IBitmapSource
{
    /// <summary>What bitmaps the image has; null where its version can have none.</summary>
    /// <exception cref="Errors.BlockException">They cannot be read.</exception>
    ValueTask<IReadOnlyList<BitmapDescription>?> ListBitmapsAsync(CancellationToken cancellation = default);

    /// <summary>Reads the bitmap called <paramref name="name"/> as the image has it; null for none.</summary>
    /// <exception cref="Errors.BlockException">It cannot be read.</exception>
    ValueTask<DirtyBitmap?> ReadBitmapAsync(string name, CancellationToken cancellation = default);
}
