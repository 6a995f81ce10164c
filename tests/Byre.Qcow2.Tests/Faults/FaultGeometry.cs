using Byre.Block.Graph;
using Byre.Qcow2.Create;
using Byre.Qcow2.Tests.Create;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>The shape of the images that faults are injected into. Immutable.</summary>
internal sealed record FaultGeometry(int ClusterBytes, int RefcountBits, bool ExtendedL2, bool HasBacking)
{
    public bool LazyRefcounts { get; init; }

    /// <summary>Clusters of compressed data gathered in memory.</summary>
    public int CompressedCacheClusters { get; init; } = 64;

    public bool HasDataFile { get; init; }

    /// <summary>Clusters of the disk.</summary>
    public int Clusters { get; init; } = 40;

    /// <summary>The disk ends with a sector less than its last cluster.</summary>
    public int DiskBytes => (Clusters * ClusterBytes) - (ClusterBytes > 512 ? 512 : 0);

    public Qcow2CreateOptions Options => new()
    {
        SizeBytes = DiskBytes,
        ClusterSizeBytes = ClusterBytes,
        RefcountBits = RefcountBits,
        ExtendedL2 = ExtendedL2,
        LazyRefcounts = LazyRefcounts,
        DataFileName = HasDataFile ? "data" : null,
    };

    /// <summary>The backing file's content, shorter than the disk; null without.</summary>
    public byte[]? Backing
    {
        get
        {
            if (!HasBacking)
                return null;
            byte[] bytes = new byte[(DiskBytes * 3 / 4) + 512];
            for (int i = 0; i < bytes.Length; i++)
                bytes[i] = (byte)(0x80 | (i / 512 * 7));
            return bytes;
        }
    }

    /// <summary>A node with the backing file's content; null without.</summary>
    public BlockNode? OpenBacking()
    {
        if (Backing is not { } bytes)
            return null;
        var node = new MemoryNode();
        EngineHarness.Run(node.WriteAsync(0, bytes));
        return node;
    }

    public override string ToString() =>
        $"cluster {ClusterBytes} refcount {RefcountBits}{(ExtendedL2 ? " extended" : "")}" +
        $"{(HasBacking ? " backing" : "")}{(LazyRefcounts ? " lazy" : "")}{(HasDataFile ? " data file" : "")}" +
        $"{(CompressedCacheClusters < 64 ? $" cache {CompressedCacheClusters}" : "")}";
}
