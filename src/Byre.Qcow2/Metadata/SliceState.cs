namespace Byre.Qcow2.Metadata;

/// <summary>The state of one entry of a <see cref="SliceCache"/>.</summary>
internal enum SliceState : byte
{
    /// <summary>Unused.</summary>
    Free,

    /// <summary>Somebody reads it from the file; others wait.</summary>
    Loading,

    /// <summary>Holds a slice.</summary>
    Ready,
}
