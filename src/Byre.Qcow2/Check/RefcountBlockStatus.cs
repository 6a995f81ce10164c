namespace Byre.Qcow2.Check;

/// <summary>What reading a refcount block gave.</summary>
internal enum RefcountBlockStatus
{
    /// <summary>There is none: all its counts are zero.</summary>
    Absent,

    /// <summary>It was read.</summary>
    Present,

    /// <summary>It cannot be read; its counts are unknown.</summary>
    Unreadable,
}
