using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>Counts the storage calls of an image's devices and says which of them fail. For one thread.</summary>
internal sealed class FaultClock(Fault fault, int seed)
{
    private int _calls;
    private bool _isArmed;
    private bool _momentReached;

    public Fault Fault => fault;

    public Random Random { get; } = new(seed);

    /// <summary>Where false, calls are neither counted nor failed.</summary>
    public bool IsRunning { get; set; }

    /// <summary>The calls that failed.</summary>
    public List<(FaultCalls Kind, string What)> Hits { get; } = [];

    /// <summary>Calls so far.</summary>
    public int Calls => _calls;

    /// <summary>Moments that were reached while the clock ran.</summary>
    public HashSet<BlockEvent> Moments { get; } = [];

    /// <summary>A named moment of the engine.</summary>
    public void Reach(BlockEvent moment)
    {
        if (!IsRunning)
            return;
        Moments.Add(moment);
        // As in blkdebug: the rule stays armed, and "once" means the first call after the moment.
        _momentReached |= moment == fault.Moment;
    }

    /// <summary>Transfers so far.</summary>
    public int Transfers { get; private set; }

    /// <summary>Transfers that were short.</summary>
    public int ShortTransfers { get; private set; }

    /// <summary>A transfer, of whatever it is a part; true where it is to be short, as the fault says.</summary>
    public bool CutsShort()
    {
        Transfers++;
        bool isShort = fault.Cut is { } cut && (cut == ShortCut.OftenAndUnaligned || Transfers == fault.Call);
        ShortTransfers += isShort ? 1 : 0;
        return isShort;
    }

    /// <summary>A storage call; returns whether it fails.</summary>
    public bool Fails(FaultCalls kind, string what, bool needsSpace)
    {
        if (!IsRunning || fault.Cut is not null)
            return false;
        _calls++;
        bool begins = fault.Moment is null ? _calls == fault.Call : _momentReached && Hits.Count == 0;
        bool isHit = begins || (_isArmed && fault.IsPersistent);
        _isArmed |= begins;
        if (!isHit || (fault.IsFullDevice && !needsSpace))
        {
            return false;
        }

        Hits.Add((kind, what));
        return true;
    }

    public BlockException MakeFailure() => BlockException.FromErrno(fault.Error);
}
