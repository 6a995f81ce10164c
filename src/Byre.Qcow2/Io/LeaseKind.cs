namespace Byre.Qcow2.Io;

/// <summary>How a request uses its guest range.</summary>
internal enum LeaseKind
{
    /// <summary>Writes data into host clusters that stay where they are: shares with others of its kind.</summary>
    InPlace,

    /// <summary>Changes the mapping: shares with nobody.</summary>
    Exclusive,
}
