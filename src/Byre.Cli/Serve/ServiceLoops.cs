using Byre.Block.Threading;
using Byre.Storage.IoUring;

namespace Byre.Cli.Serve;

/// <summary>How a server's connections wait for files (<c>--aio</c>). Stateless.</summary>
internal static class ServiceLoops
{
    /// <summary>True for a value of <c>--aio</c>.</summary>
    public static bool IsAio(string value) => value is "threads" or "native" or "io_uring";

    /// <summary>
    /// Makes a loop for each connection. Where the kernel has no io_uring, and with "threads", there is none: worker
    /// threads wait for the files then.
    /// </summary>
    public static Func<SubmissionLoop?>? Of(string? aio) => aio == "threads" ? null : RingReactor.TryCreate;
}
