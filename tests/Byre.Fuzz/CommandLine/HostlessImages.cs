using Byre.Block.Filters;
using Byre.Block.Filters.Blkdebug;
using Byre.Block.Filters.Quorum;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Fuzz.Images;
using Byre.Qcow2;
using Byre.Storage.Null;

namespace Byre.Fuzz.CommandLine;

/// <summary>Opens images as the program does, with all of its drivers but those that reach the host.</summary>
internal sealed class HostlessImages
{
    public ImageOpener Opener { get; } = new(new DriverRegistry(
        new RawDriver(),
        new Qcow2Driver(),
        new BlkdebugDriver(),
        new SeedFileDriver(),
        NullDriver.Coroutine,
        NullDriver.Asynchronous,
        new CopyOnReadDriver(),
        new CompressDriver(),
        new QuorumDriver()));

    /// <summary>A driver "file" for which every name is one of the seed images.</summary>
    private sealed class SeedFileDriver : BlockDriver
    {
        public override string Name => "file";

        public override bool IsProtocol => true;

        public override string FileNamePrefix => "file";

        public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
        {
            int sum = 0;
            foreach (char letter in request.Options.Take("filename") ?? "")
                sum += letter;
            SparseImage image = SeedImages.All[sum % SeedImages.All.Count].Image.Copy();
            return new ValueTask<BlockNode>(new FuzzStorage(image) { OpenedFlags = request.Flags });
        }
    }
}
