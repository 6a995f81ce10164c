using Byre.Block.Errors;

namespace Byre.Cli.QemuIo;

/// <summary>How a request ended.</summary>
/// <param name="Failure">Null where it succeeded.</param>
/// <param name="Elapsed">From its start to its end.</param>
internal readonly record struct RequestOutcome(BlockException? Failure, TimeSpan Elapsed)
{
    /// <summary>The error number's text; only for failed requests.</summary>
    public string FailureText => Errno.Describe(Failure!.Errno);
}
