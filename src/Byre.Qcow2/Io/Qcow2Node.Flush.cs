using Byre.Block.Errors;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Guest flushes.</content>
internal sealed partial class Qcow2Node
{
    /// <inheritdoc/>
    protected override async ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        if (IsReadOnly)
            return;
        Interlocked.Increment(ref _guestFlushes);
        ThrowIfUnusable();
        try
        {
            await SettleAllAsync(cancellation).ConfigureAwait(false);
            await _flush.FlushAsync(FlushReason.Guest, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <summary>Flushes everything that waits, for operations that work on the file itself.</summary>
    private async ValueTask FlushAllSignallingAsync(CancellationToken cancellation)
    {
        try
        {
            await SettleAllAsync(cancellation).ConfigureAwait(false);
            await _flush.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }
}
