using Byre.Block.Requests;

namespace Byre.Block.Filters.Blkdebug;

/// <summary>
/// The rules of one filter and its state, which begins with 1. Not thread-safe: the node's lock protects it.
/// </summary>
internal sealed class BlkdebugRules
{
    /// <summary>The rule added last is looked at first.</summary>
    private readonly List<BlkdebugRule> _rules = [];

    /// <summary>
    /// Rules that the latest moment with any error to inject has armed; the first that applies counts.
    /// </summary>
    private List<InjectErrorRule> _armed = [];

    public int State { get; private set; } = 1;

    public void Add(BlkdebugRule rule) => _rules.Insert(0, rule);

    /// <summary>Removes all breakpoints called <paramref name="tag"/>; false where there was none.</summary>
    public bool RemoveBreakpoints(string tag) =>
        _rules.RemoveAll(rule => rule is BreakpointRule breakpoint && breakpoint.Tag == tag) > 0;

    /// <summary>Reaches a moment. Returns the breakpoints that hold the request; they are removed.</summary>
    public List<BreakpointRule> Reach(BlockEvent moment)
    {
        var held = new List<BreakpointRule>();
        List<InjectErrorRule>? armed = null;
        int newState = State;
        foreach (BlkdebugRule rule in _rules)
        {
            if (rule.Moment != moment || (rule.State != 0 && rule.State != State))
                continue;
            switch (rule)
            {
                case InjectErrorRule error:
                    (armed ??= []).Insert(0, error);
                    break;
                case SetStateRule change:
                    newState = change.NewState;
                    break;
                case BreakpointRule breakpoint:
                    held.Add(breakpoint);
                    break;
            }
        }

        _armed = armed ?? _armed;
        State = newState;
        foreach (BreakpointRule breakpoint in held)
            _rules.Remove(breakpoint);
        return held;
    }

    /// <summary>The rule that makes a request fail; null for none.</summary>
    public InjectErrorRule? Check(ByteRange? range, BlkdebugIoType type)
    {
        InjectErrorRule? rule = _armed.Find(armed => armed.Applies(range, type));
        if (rule is null || rule.Error == 0)
            return null;
        if (rule.IsOnce)
        {
            _armed.Remove(rule);
            _rules.Remove(rule);
        }

        return rule;
    }
}
