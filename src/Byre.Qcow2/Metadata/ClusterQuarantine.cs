using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// Where a freed cluster waits. Its reference count is not touched before the removal of the reference is on the
/// device, every read that may still look at it has ended, and its hole is punched: only then can it be allocated
/// again.
/// <code>
/// Free --> unlinking --(flush)--> stable --(readers ended)--> due --> hole punched, count decremented
/// </code>
/// Every member is called under the metadata lock.
/// </summary>
internal sealed class ClusterQuarantine(Geometry geometry, RequestEpochs epochs, bool waitsForUnlink)
{
    private readonly List<FreedRun> _stable = [];
    private List<FreedRun> _unlinking = [];
    private int _guestRuns;

    /// <summary>Clusters that wait in any state.</summary>
    public long WaitingClusters { get; private set; }

    /// <summary>True where nothing waits.</summary>
    public bool IsEmpty => WaitingClusters == 0;

    /// <summary>True where some reference was removed since the last flush.</summary>
    public bool HasUnlinking => _unlinking.Count > 0;

    /// <summary>
    /// True where clusters of guest data wait, not only those of old tables, which are few. A hint: callable without
    /// the lock.
    /// </summary>
    public bool HasGuestClusters => Volatile.Read(ref _guestRuns) > 0;

    /// <summary>True where something waits for readers only.</summary>
    public bool HasStable => _stable.Count > 0;

    /// <summary>One reference to each cluster of a byte range was removed from a table in memory.</summary>
    public void Free(in MetadataScope scope, HostOffset start, long lengthBytes, DiscardReason reason)
    {
        _ = scope;
        long first = start.Value >> geometry.ClusterBits;
        long count = ((start.Value + lengthBytes - 1) >> geometry.ClusterBits) - first + 1;
        WaitingClusters += count;
        List<FreedRun> runs = waitsForUnlink ? _unlinking : _stable;
        if (runs.Count > 0)
        {
            FreedRun last = runs[^1];
            if (last.First.Index + last.Count == first && last.Reason == reason && last.Epoch == epochs.Current)
            {
                runs[^1] = last with { Count = last.Count + count };
                return;
            }
        }

        if (reason != DiscardReason.Other)
            _guestRuns++;
        runs.Add(new FreedRun(new HostCluster(first), count, reason, epochs.Current));
    }

    /// <summary>A flush begins: what was freed until now will be unlinked for good when it ends.</summary>
    public List<FreedRun> BeginFlush(in MetadataScope scope)
    {
        _ = scope;
        List<FreedRun> batch = _unlinking;
        _unlinking = [];
        return batch;
    }

    /// <summary>The flush ended; after a failure the batch waits for the next one.</summary>
    public void EndFlush(in MetadataScope scope, List<FreedRun> batch, bool success)
    {
        _ = scope;
        (success ? _stable : _unlinking).InsertRange(0, batch);
    }

    /// <summary>Takes the runs that nobody can be reading any more.</summary>
    public List<FreedRun> TakeDue(in MetadataScope scope)
    {
        _ = scope;
        if (_stable.Count == 0)
            return [];
        var due = new List<FreedRun>();
        int kept = 0;
        for (int i = 0; i < _stable.Count; i++)
        {
            FreedRun run = _stable[i];
            if (!epochs.HasEnded(run.Epoch))
            {
                _stable[kept++] = run;
                continue;
            }

            due.Add(run);
            if (run.Reason != DiscardReason.Other)
                _guestRuns--;
        }

        _stable.RemoveRange(kept, _stable.Count - kept);
        return due;
    }

    /// <summary>Clusters left the quarantine: their counts were decremented.</summary>
    public void NoteReleased(in MetadataScope scope, long count)
    {
        _ = scope;
        WaitingClusters -= count;
    }
}
