using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using Byre.Block.Buffers;
using Byre.Block.Threading;

namespace Byre.Qcow2.WriteCache;

/// <content>The writes: one at a time for each cluster, any number side by side.</content>
internal sealed partial class ClusterWriteCache
{
    /// <summary>Begins the writes of complete clusters, then waits until there is room again.</summary>
    private ValueTask SettleAsync()
    {
        Exception? failure = null;
        while (TryBeginReady(out GatheredCluster? cluster, out GatheredPiece piece))
        {
            Start(cluster, piece);
            // Of a target that answers at once, the request that completed the cluster gets the answer.
            failure ??= cluster.Failure;
        }

        return failure is null ? MakeRoomAsync() : ValueTask.FromException(failure);
    }

    private bool TryBeginReady([NotNullWhen(true)] out GatheredCluster? cluster, out GatheredPiece piece)
    {
        lock (_lock)
        {
            while (_ready.TryDequeue(out cluster))
            {
                if (TryBegin(cluster, out piece))
                    return true;
            }
        }

        piece = default;
        return false;
    }

    /// <summary>Waits while more is held than may be, and some of it can be written for good.</summary>
    private async ValueTask MakeRoomAsync()
    {
        while (true)
        {
            GatheredCluster? cluster;
            lock (_lock)
                cluster = _clusters.Count > MaxClusters ? FindComplete() : null;
            if (cluster is null)
                return;
            await WriteOutAsync(cluster).ConfigureAwait(false);
        }
    }

    /// <summary>A cluster that will go as soon as it is written, one that is being written before others.</summary>
    private GatheredCluster? FindComplete()
    {
        GatheredCluster? found = null;
        foreach (GatheredCluster cluster in _clusters.Values)
        {
            if (!cluster.IsComplete)
                continue;
            found = cluster;
            if (cluster.IsBeingWritten)
                break;
        }

        return found;
    }

    private async ValueTask WriteAllAsync(Func<GatheredCluster, bool> isWanted)
    {
        GatheredCluster[] clusters;
        lock (_lock)
            clusters = [.. _clusters.Values.Where(isWanted)];
        if (clusters.Length == 1)
            await WriteOutAsync(clusters[0]).ConfigureAwait(false);
        else if (clusters.Length > 1)
            await Task.WhenAll(clusters.Select(WriteOutAsync)).ConfigureAwait(false);
    }

    /// <summary>Returns when everything that the cluster held at the call is on the target.</summary>
    private async Task WriteOutAsync(GatheredCluster cluster)
    {
        // A write that is under way may lack what was stored after it began.
        Task? before;
        lock (_lock)
            before = cluster.IsBeingWritten ? Wait(cluster) : null;
        if (before is not null)
            await before.ConfigureAwait(false);

        Task ended;
        bool isBegun;
        GatheredPiece piece;
        lock (_lock)
        {
            isBegun = TryBegin(cluster, out piece);
            if (!cluster.IsBeingWritten)
                return;
            ended = Wait(cluster);
        }

        if (isBegun)
            Start(cluster, piece);
        await ended.ConfigureAwait(false);
        if (cluster.Failure is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Begins a write, which the caller then starts outside of the lock; false where none is due.</summary>
    private bool TryBegin(GatheredCluster cluster, out GatheredPiece piece)
    {
        piece = default;
        if (cluster.IsGone || cluster.IsBeingWritten || !cluster.IsDirty)
            return false;
        cluster.IsBeingWritten = true;
        piece = Take(cluster);
        return true;
    }

    /// <summary>The end of the write that is under way.</summary>
    private Task Wait(GatheredCluster cluster)
    {
        var waiter = new TaskCompletionSource(scheduler.WaiterOptions);
        cluster.Waiters.Add(waiter);
        return waiter.Task;
    }

    /// <summary>Takes what the target lacks. More may be stored meanwhile, unless the cluster is complete.</summary>
    private GatheredPiece Take(GatheredCluster cluster)
    {
        (int from, int to) = (cluster.DirtyFrom, cluster.DirtyTo);
        cluster.MarkClean();
        int alignment = Math.Min(target.AlignmentBytes, clusterBytes);
        int start = from & -alignment;
        int end = Math.Min((to + alignment - 1) & -alignment, clusterBytes);
        Memory<byte> content = cluster.Content.Memory[start..end];
        if (cluster.IsComplete)
            return new GatheredPiece(from, to, start, content, null);
        IoBuffer copy = IoBufferPool.Shared.Rent(content.Length);
        content.CopyTo(copy.Memory);
        return new GatheredPiece(from, to, start, copy.Memory, copy);
    }

    /// <summary>Nobody waits for a device on this thread: whoever needs the outcome awaits it.</summary>
    private void Start(GatheredCluster cluster, GatheredPiece piece)
    {
        using (SubmissionThread.Enter(mustNotBlock: true))
            _ = WritePiecesAsync(cluster, piece);
    }

    private async Task WritePiecesAsync(GatheredCluster cluster, GatheredPiece piece)
    {
        TaskCompletionSource[]? waiters = null;
        while (waiters is null)
        {
            Exception? failure = null;
            try
            {
                await target.WriteAsync(cluster.Offset + piece.Start, piece.Content).ConfigureAwait(false);
            }
            catch (Exception caught)
            {
                failure = caught;
            }

            piece.Copy?.Return();
            lock (_lock)
                waiters = EndPiece(cluster, failure, ref piece);
        }

        foreach (TaskCompletionSource waiter in waiters)
            scheduler.Resume(waiter.SetResult);
    }

    /// <summary>
    /// Notes the end of a write. Returns whom to wake, or null where the next piece is to be written.
    /// </summary>
    private TaskCompletionSource[]? EndPiece(GatheredCluster cluster, Exception? failure, ref GatheredPiece piece)
    {
        _writes++;
        _partialWrites += piece.IsPartial ? 1 : 0;
        Note(cluster, failure);
        if (failure is not null)
            cluster.MarkDirty(piece.From, piece.To);
        bool isLast = failure is null && cluster.IsComplete;
        if (isLast && cluster.IsDirty)
        {
            piece = Take(cluster);
            return null;
        }

        cluster.IsBeingWritten = false;
        if (isLast)
            Remove(cluster);
        TaskCompletionSource[] waiters = [.. cluster.Waiters];
        cluster.Waiters.Clear();
        return waiters;
    }
}
