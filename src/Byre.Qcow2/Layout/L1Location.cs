namespace Byre.Qcow2.Layout;

/// <summary>
/// Where an L1 table lies and how many 8-byte entries it has. Offset 0 with no entries: there is none yet.
/// </summary>
public readonly record struct L1Location(HostOffset Offset, int EntryCount)
{
    /// <summary>Bytes of the entries, without padding to a cluster.</summary>
    public int LengthBytes => EntryCount * Geometry.TableEntryBytes;
}
