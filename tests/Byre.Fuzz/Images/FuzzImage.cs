using Byre.Block.Graph;
using Byre.Qcow2;

namespace Byre.Fuzz.Images;

/// <summary>Opens images in memory with the format's own driver. Stateless.</summary>
internal static class FuzzImage
{
    private static readonly Qcow2Driver Driver = new();

    /// <summary>Opens an image; the node's requests change <paramref name="image"/>.</summary>
    public static BlockNode Open(SparseImage image, OpenFlags flags, OptionSet options) =>
        Open(new FuzzStorage(image), flags, options, hasOthers: true);

    public static BlockNode Open(FuzzStorage file, OpenFlags flags, OptionSet options, bool hasOthers)
    {
        file.OpenedFlags = flags | OpenFlags.Protocol;
        var request = new OpenRequest
        {
            Opener = new FuzzOpener(file, hasOthers),
            Options = options,
            Flags = flags,
        };
        return Driver.OpenAsync(request, CancellationToken.None).AsTask().GetAwaiter().GetResult();
    }
}
