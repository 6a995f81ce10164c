using Byre.Block.Errors;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <summary>
/// What one part of a write does: which host bytes it goes to, what must be copied around it, and how the entries
/// change once all of that is written.
/// <code>
/// guest   |  head  | data ......... |  tail  |     head and tail: copied on write
/// host    ^ host - head             ^ host + data
/// </code>
/// States: Reserved → DataWritten → Linked, or Aborted; exactly one terminal state. While it lives, its L2 slices are
/// pinned.
/// </summary>
internal sealed class AllocationPlan
{
    /// <summary>First guest byte of the data.</summary>
    public required GuestOffset Guest { get; init; }

    /// <summary>Bytes of guest data.</summary>
    public required long DataBytes { get; init; }

    /// <summary>Where the first data byte goes.</summary>
    public required HostOffset Host { get; init; }

    /// <summary>Bytes to copy before the data.</summary>
    public long HeadBytes { get; init; }

    /// <summary>Bytes to copy behind the data.</summary>
    public long TailBytes { get; init; }

    /// <summary>The head is known to be zeroes.</summary>
    public bool HeadIsZero { get; init; }

    /// <summary>The tail is known to be zeroes.</summary>
    public bool TailIsZero { get; init; }

    /// <summary>
    /// The file reads as zeroes where the head goes, whatever the guest sees there: zeroes need not be written.
    /// </summary>
    public bool HeadIsBlank { get; init; }

    /// <summary>The file reads as zeroes where the tail goes.</summary>
    public bool TailIsBlank { get; init; }

    /// <summary>The clusters that were allocated; none where the old ones stay.</summary>
    public AllocatedRun NewRun { get; init; }

    /// <summary>The entries to change, in guest order; empty for a write into data clusters.</summary>
    public L2Run[] Entries { get; init; } = [];

    /// <summary>False where writing the data is all there is to do.</summary>
    public bool NeedsLink => Entries.Length > 0;

    /// <summary>First host byte behind the clusters of the plan's last byte.</summary>
    public HostCluster NextHost { get; init; }

    /// <summary>
    /// The plan for the guest bytes that follow, where they also follow in the file: one write does both. There is
    /// nothing to copy between them. Who executes or aborts a plan does so with all that follow.
    /// </summary>
    public AllocationPlan? Next { get; set; }

    /// <summary>The last of the plans that one write does.</summary>
    public AllocationPlan Last
    {
        get
        {
            AllocationPlan last = this;
            while (last.Next is { } next)
                last = next;
            return last;
        }
    }

    public PlanState State { get; private set; }

    /// <summary>Moves on; a step back or a second end is a bug.</summary>
    public void Enter(PlanState state)
    {
        Invariant.That(state > State && State < PlanState.Linked);
        State = state;
    }
}
