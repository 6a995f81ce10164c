namespace Byre.Qcow2.Check;

/// <summary>
/// What a check counted. All values are numbers of findings or of clusters unless they say bytes. Immutable once
/// returned. After a repair the values left over are those of the check that was repaired; only a second check tells
/// what remains (<see cref="NeedsSecondCheck"/>).
/// </summary>
public sealed record CheckReport
{
    /// <summary>Findings that may cost data, not repaired.</summary>
    public long Corruptions { get; internal set; }

    /// <summary>Clusters that are counted but not used, not repaired.</summary>
    public long Leaks { get; internal set; }

    /// <summary>Failures of the check itself.</summary>
    public long CheckErrors { get; internal set; }

    public long CorruptionsFixed { get; internal set; }

    public long LeaksFixed { get; internal set; }

    /// <summary>First byte after the last cluster that is used or counted.</summary>
    public long ImageEndBytes { get; internal set; }

    /// <summary>Clusters of the virtual disk.</summary>
    public long TotalClusters { get; internal set; }

    /// <summary>Clusters of the virtual disk that have a place in the file.</summary>
    public long AllocatedClusters { get; internal set; }

    /// <summary>
    /// Allocated clusters that do not follow their predecessor in the file; compressed clusters always count.
    /// </summary>
    public long FragmentedClusters { get; internal set; }

    public long CompressedClusters { get; internal set; }

    /// <summary>True where nothing was wrong or everything was repaired.</summary>
    public bool IsClean => Corruptions == 0 && Leaks == 0 && CheckErrors == 0;

    /// <summary>True where something was repaired: the image should be checked once more.</summary>
    public bool NeedsSecondCheck => CorruptionsFixed != 0 || LeaksFixed != 0;

    /// <summary>The exit status of <c>qemu-img check</c>: 0 clean, 1 check failed, 2 corrupt, 3 leaks only.</summary>
    public int ExitStatus
    {
        get
        {
            if (CheckErrors != 0)
                return 1;
            if (Corruptions != 0)
                return 2;
            return Leaks != 0 ? 3 : 0;
        }
    }

    /// <summary>
    /// This second check's result, with the numbers of what the <paramref name="first"/> one repaired.
    /// </summary>
    public CheckReport WithFixesOf(CheckReport first) =>
        this with { LeaksFixed = first.LeaksFixed, CorruptionsFixed = first.CorruptionsFixed };
}
