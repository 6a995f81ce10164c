using Byre.Block.Requests;

namespace Byre.Nbd.Server;

/// <summary>A dirty bitmap as an export shows it. Thread-safe.</summary>
public interface IExportBitmap
{
    /// <summary>The bitmap's name.</summary>
    string Name { get; }

    /// <summary>The first run of dirty bytes in <paramref name="range"/>, cut to it; false where all of it is
    /// clean.</summary>
    bool TryFindDirty(ByteRange range, out ByteRange dirty);
}
