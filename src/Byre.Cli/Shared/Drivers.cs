using Byre.Block.Filters;
using Byre.Block.Filters.Blkdebug;
using Byre.Block.Filters.Quorum;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Nbd.Client;
using Byre.Qcow2;
using Byre.Storage.Drivers;
using Byre.Storage.Null;

namespace Byre.Cli.Shared;

/// <summary>The drivers of the program.</summary>
internal static class Drivers
{
    /// <summary>All of them. Drivers are stateless and small; none loads anything before it opens a node.</summary>
    public static DriverRegistry CreateRegistry(Func<string, NbdClientTls>? findTls = null) => new(
        new RawDriver(),
        new Qcow2Driver(),
        new BlkdebugDriver(),
        new FileDriver(),
        new HostDeviceDriver(),
        new HostCdromDriver(),
        NullDriver.Coroutine,
        NullDriver.Asynchronous,
        new NbdDriver(findTls),
        new CopyOnReadDriver(),
        new CompressDriver(),
        new QuorumDriver());
}
