namespace Byre.Qcow2.Layout;

/// <summary>How strictly a header is read.</summary>
public enum HeaderParsing
{
    /// <summary>Everything the header says must be sound.</summary>
    ForUse,

    /// <summary>
    /// Tolerates what a check can repair: a missing refcount table and a bad snapshot table location.
    /// </summary>
    ForCheck,
}
