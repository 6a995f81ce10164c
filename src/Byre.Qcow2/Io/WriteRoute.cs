namespace Byre.Qcow2.Io;

/// <summary>How a write is to be done.</summary>
internal enum WriteRoute
{
    /// <summary>Metadata must be loaded first, or a rule is broken: the general way finds out.</summary>
    Unknown,

    /// <summary>Over one run of clusters that are the image's own.</summary>
    InPlace,

    /// <summary>At least its first cluster has to be allocated, copied or linked.</summary>
    Planned,
}
