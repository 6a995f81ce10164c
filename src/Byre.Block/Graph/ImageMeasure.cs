namespace Byre.Block.Graph;

/// <summary>How many bytes a file takes that holds a new image.</summary>
/// <param name="RequiredBytes">At most so many once the data has been copied.</param>
/// <param name="FullyAllocatedBytes">So many once every cluster has been written.</param>
/// <param name="BitmapBytes">So many more for the source's bitmaps; null where none can be copied.</param>
public sealed record ImageMeasure(long RequiredBytes, long FullyAllocatedBytes, long? BitmapBytes = null);
