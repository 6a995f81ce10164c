using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Threading;

namespace Byre.Qcow2.Io;

/// <summary>One cluster of a request while it is compressed, and afterwards. Used once; for one request.</summary>
internal sealed class PackedCluster(IoVector plain, int clusterBytes)
{
    private readonly IoBuffer _packed = IoBufferPool.Shared.Rent(clusterBytes);
    private int _packedBytes;

    /// <summary>The guest's bytes: a cluster, or less at the end of the disk.</summary>
    public IoVector Plain => plain;

    /// <summary>The compressed bytes once <see cref="Done"/>; empty where they would be no fewer.</summary>
    public ReadOnlyMemory<byte> Packed => _packed.Memory[.._packedBytes];

    /// <summary>Completes when the bytes are compressed.</summary>
    public Task Done { get; private set; } = Task.CompletedTask;

    /// <summary>
    /// Compresses by <paramref name="target"/>: where the scheduler decides, or here where there is none.
    /// </summary>
    public void Begin(ICompressedTarget target, CompletionScheduler? scheduler)
    {
        if (scheduler is null)
            Pack(target);
        else
            Done = scheduler.RunAsync(() => Pack(target));
    }

    /// <summary>Gives the memory back; nothing may be under way.</summary>
    public void Return() => _packed.Return();

    private void Pack(ICompressedTarget target)
    {
        if (plain.IsSingle)
        {
            _packedBytes = target.Compress(plain.Single.Span, _packed.Span);
            return;
        }

        IoBuffer whole = IoBufferPool.Shared.Rent((int)plain.Length);
        try
        {
            plain.CopyTo(whole.Span);
            _packedBytes = target.Compress(whole.Span, _packed.Span);
        }
        finally
        {
            whole.Return();
        }
    }
}
