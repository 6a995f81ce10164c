using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2;

/// <summary>Reads the header cluster of a file. Stateless.</summary>
internal static class HeaderReader
{
    /// <summary>Reads and parses; a file that is shorter than a cluster is taken as filled up with zeroes.</summary>
    /// <exception cref="BlockException">The file cannot be read, or <see cref="HeaderCodec.Parse"/> refuses
    /// it.</exception>
    public static async ValueTask<ImageHeader> ReadAsync(
        BlockNode file, HeaderParsing parsing, CancellationToken cancellation)
    {
        try
        {
            byte[] prefix = new byte[HeaderCodec.PrefixBytes];
            await file.ReadAsync(0, prefix, cancellation).ConfigureAwait(false);
            int clusterBits = HeaderCodec.ReadClusterBits(prefix);
            byte[] cluster = new byte[1 << clusterBits];
            int there = (int)Math.Min(cluster.Length, file.LengthBytes);
            await file.ReadAsync(0, cluster.AsMemory(0, there), cancellation).ConfigureAwait(false);
            return HeaderCodec.Parse(cluster, parsing);
        }
        catch (BlockException failure) when (failure.Kind == BlockErrorKind.InputOutput)
        {
            throw failure.Prepend("Could not read qcow2 header: ");
        }
    }
}
