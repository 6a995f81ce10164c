using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Formats;

namespace Byre.Block.Graph;

/// <summary>Finds the format of a file out from its first bytes, for <see cref="NodeOpening"/>. Stateless.</summary>
internal static class FormatProbe
{
    private const int ProbeBytes = 2048;

    /// <summary>The driver for the content of <paramref name="file"/>.</summary>
    /// <param name="opener">Whose drivers are asked, by whose rules.</param>
    /// <param name="file">The file.</param>
    /// <param name="isWritable">True where the image will be written to.</param>
    /// <param name="cancellation">Cancels.</param>
    /// <exception cref="BlockException">Not allowed, not readable, or nothing that a driver knows.</exception>
    public static async ValueTask<BlockDriver> RunAsync(
        ImageOpener opener, BlockNode file, bool isWritable, CancellationToken cancellation)
    {
        if (isWritable && !opener.ProbesWritable)
        {
            throw BlockException.Invalid(
                $"The format of '{file.FileName}' is not given, and an image that will be written to is not probed: "
                + "its content may come from a guest");
        }

        long length = file.LengthBytes;
        if (length == 0)
            return opener.Registry.Get("raw");
        using IoBuffer buffer = IoBufferPool.Shared.RentZeroed(ProbeBytes);
        try
        {
            Memory<byte> header = buffer.Memory[..(int)Math.Min(length, ProbeBytes)];
            await file.ReadAsync(0, header, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Could not read image for determining its format: ");
        }

        BlockDriver? found = opener.Registry.Probe(buffer.Span, file.FileName);
        if (found is { Name: not "raw" })
            return found;

        // What looks like an image of another format is not a disk's content: whoever wants its bytes has to say so.
        if (FormatSignatures.Identify(buffer.Span) is { } foreign && opener.Registry.Find(foreign) is null)
        {
            throw BlockException.NotSupported(
                $"Images of the format '{foreign}' are not supported "
                + "(the format 'raw', if given, uses the bytes as they are)");
        }

        return found ?? throw new BlockException(
            BlockErrorKind.InvalidFormat,
            Errno.NoEntry,
            "Could not determine image format: No compatible driver found");
    }
}
