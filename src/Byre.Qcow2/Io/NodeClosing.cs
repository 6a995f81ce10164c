using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Qcow2.Io;

/// <summary>
/// Closes nodes that belong together: each of them, whatever becomes of the others. One that stayed open would keep its
/// file locked. Null stands for none. Stateless.
/// </summary>
internal static class NodeClosing
{
    /// <summary>Closes the nodes in order.</summary>
    /// <exception cref="BlockException">The failure of the first one that failed.</exception>
    public static async ValueTask CloseAllAsync(params BlockNode?[] nodes)
    {
        for (int i = 0; i < nodes.Length; i++)
        {
            try
            {
                await CloseAsync(nodes[i]).ConfigureAwait(false);
            }
            catch (BlockException)
            {
                await CloseAfterFailureAsync(nodes[(i + 1)..]).ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>
    /// The same where something has failed already. That is what the caller is told; failures of closing follow from it
    /// or are not worth more.
    /// </summary>
    public static async ValueTask CloseAfterFailureAsync(params BlockNode?[] nodes)
    {
        foreach (BlockNode? node in nodes)
        {
            try
            {
                await CloseAsync(node).ConfigureAwait(false);
            }
            catch (BlockException)
            {
                // See above.
            }
        }
    }

    private static ValueTask CloseAsync(BlockNode? node) => node?.DisposeAsync() ?? default;
}
