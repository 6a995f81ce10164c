using Byre.Block.Errors;

namespace Byre.Qcow2.Io;

/// <summary>A part of an operation, by which its failures are named. Stateless.</summary>
internal static class OperationStep
{
    /// <summary>Does it; the text of a failure begins with <paramref name="what"/> could not be done.</summary>
    public static async ValueTask RunAsync(string what, Func<ValueTask> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend(what + ": ");
        }
    }
}
