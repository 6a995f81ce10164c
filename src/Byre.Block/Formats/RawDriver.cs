using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Block.Formats;

/// <summary>
/// The format "raw": the file's bytes are the disk's. Options "offset" and "size" (bytes) cut a window out of the file.
/// </summary>
public sealed class RawDriver : BlockDriver
{
    /// <summary>Disks consist of sectors of this many bytes.</summary>
    internal const int SectorBytes = 512;

    /// <inheritdoc/>
    public override string Name => "raw";

    /// <inheritdoc/>
    public override IReadOnlyList<string> StrongOptions { get; } = ["offset", "size"];

    /// <inheritdoc/>
    public override IReadOnlyList<CreateOption> CreateOptions { get; } =
        [new("size", CreateOptionType.Size, "Virtual disk size")];

    /// <summary>Fits everything, with the least score: raw is what nothing else claims.</summary>
    public override int Probe(ReadOnlySpan<byte> header, string fileName) => 1;

    /// <inheritdoc/>
    public override async ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        long offset = request.Options.TakeSize("offset") ?? 0;
        long? size = request.Options.TakeSize("size");
        ChildRole role = offset != 0 || size is not null ? ChildRole.Data : ChildRole.Filtered;
        BlockNode file = (await request.Opener.OpenChildAsync(request, "file", role, null, null, cancellation)
            .ConfigureAwait(false))!;
        try
        {
            CheckWindow(offset, size, file.LengthBytes);
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        // The guest of an image that was taken for raw could make it look like another format, to be opened as that
        // next time.
        return new RawNode(this, file, offset, size, guardsFirstSector: request.IsProbed)
        {
            OpenedFlags = request.Flags,
        };
    }

    /// <inheritdoc/>
    public override ValueTask<ImageMeasure> MeasureAsync(
        MeasureRequest request, CancellationToken cancellation = default)
    {
        long bytes = request.Source?.LengthBytes ?? request.Options.TakeSize("size") ?? 0;
        if (bytes > long.MaxValue - (SectorBytes - 1))
            throw new BlockException(BlockErrorKind.InvalidArgument, Errno.FileTooLarge, "The image size is too large");
        long rounded = (bytes + SectorBytes - 1) & -SectorBytes;
        return ValueTask.FromResult(new ImageMeasure(rounded, rounded));
    }

    /// <inheritdoc/>
    public override async ValueTask CreateAsync(CreateRequest request, CancellationToken cancellation)
    {
        BlockNode file = await request.Creator.CreateFileAsync(request.FileName, request.Options, cancellation)
            .ConfigureAwait(false);
        await file.DisposeAsync().ConfigureAwait(false);
    }

    internal static void CheckWindow(long offset, long? size, long fileLength)
    {
        fileLength = RoundUpToSector(fileLength);
        if (offset > fileLength)
        {
            throw BlockException.Invalid(
                $"Offset ({offset}) cannot be greater than size of the containing file ({fileLength})");
        }

        if (size > fileLength - offset)
        {
            throw BlockException.Invalid(
                $"The sum of offset ({offset}) and size ({size}) has to be smaller or equal to the "
                + $" actual size of the containing file ({fileLength})");
        }

        // Otherwise rounding the length up would leak bytes from beyond the window.
        if (size % SectorBytes is not (null or 0))
            throw BlockException.Invalid($"Specified size is not multiple of {SectorBytes}");
    }

    /// <summary>
    /// Disks consist of whole sectors of 512 bytes; a file's last one may be incomplete and reads as zeroes.
    /// </summary>
    internal static long RoundUpToSector(long bytes) => (bytes + SectorBytes - 1) & -SectorBytes;
}
