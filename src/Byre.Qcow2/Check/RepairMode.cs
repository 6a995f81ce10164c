namespace Byre.Qcow2.Check;

/// <summary>What a check may change.</summary>
public enum RepairMode
{
    /// <summary>Nothing: the image is only read.</summary>
    None,

    /// <summary>Reference counts that are too high (<c>check -r leaks</c>).</summary>
    Leaks,

    /// <summary>Everything that can be repaired without guessing at guest data (<c>check -r all</c>).</summary>
    All,
}
