using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Fuzz.Images;

/// <summary>
/// Opens the children of an image in memory: the file is the mutant, every other name is a file of a known content.
/// Nothing of the host is opened, whatever an image says.
/// </summary>
internal sealed class FuzzOpener(FuzzStorage file, bool hasOthers) : IImageOpener
{
    private const int OtherBytes = 96 << 10;

    private static readonly SparseImage OtherContent = CreateOther();

    private FuzzStorage? _dataFile;

    /// <inheritdoc/>
    public ValueTask<BlockNode?> OpenChildAsync(
        OpenRequest parent,
        string name,
        ChildRole role,
        string? fileName,
        string? format,
        CancellationToken cancellation)
    {
        if (name == "file")
            return new ValueTask<BlockNode?>(file);
        if (fileName is null || (name == "backing" && parent.Has(OpenFlags.NoBacking)))
            return new ValueTask<BlockNode?>((BlockNode?)null);
        if (!hasOthers)
            throw BlockException.FromErrno($"Could not open '{fileName}'", Errno.NoEntry);
        if (name == "data-file")
            return new ValueTask<BlockNode?>(_dataFile ??= new FuzzStorage(OtherContent.Copy()));
        var backing = new FuzzStorage(OtherContent.Copy()) { OpenedFlags = OpenFlags.None };
        return new ValueTask<BlockNode?>(backing);
    }

    private static SparseImage CreateOther()
    {
        var content = new SparseImage(OtherBytes);
        byte[] row = new byte[SparseImage.PageBytes];
        for (int offset = 0; offset < OtherBytes; offset += 2 * row.Length)
        {
            Array.Fill(row, (byte)(0xb0 + (offset >> 13)));
            content.Write(offset, row);
        }

        return content;
    }
}
