namespace Byre.Qcow2.Io;

/// <summary>The life of an <see cref="AllocationPlan"/>.</summary>
internal enum PlanState
{
    /// <summary>Clusters are counted; nothing points to them.</summary>
    Reserved,

    /// <summary>Guest data and copies are in the file.</summary>
    DataWritten,

    /// <summary>The entries point to the clusters. Terminal.</summary>
    Linked,

    /// <summary>Something failed; the clusters were given back. Terminal.</summary>
    Aborted,
}
