using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// Gives an open node, and the nodes below it, other options and flags ("reopen"). Options not mentioned keep their
/// values; children inherit flags as when they are opened. Everything that can be checked is checked before anything
/// is changed.
/// <para>Threading: no request may be in flight.</para>
/// </summary>
public static class NodeReopener
{
    /// <summary>The flags that options or a parent may change.</summary>
    private const OpenFlags Changeable = OpenFlags.ReadWrite | OpenFlags.AutoReadOnly | OpenFlags.CacheDirect |
        OpenFlags.CacheNoFlush | OpenFlags.ForceShare | OpenFlags.Unmap;

    /// <summary>Reopens a node.</summary>
    /// <param name="node">The root.</param>
    /// <param name="changes">The options to change, those of children with their names before a dot; not
    /// changed.</param>
    /// <param name="flags">The flags the options start from.</param>
    /// <param name="cancellation">Cancels before something is changed.</param>
    /// <exception cref="BlockException">"Cannot change the option 'x'", or a driver's own text.</exception>
    public static async ValueTask ReopenAsync(
        BlockNode node, OptionSet changes, OpenFlags flags, CancellationToken cancellation = default)
    {
        var steps = new List<Step>();
        Plan(node, changes.Clone(), flags, isRoot: true, steps);

        // A format writes to its file both when it becomes read-only (it says goodbye) and when it becomes writable.
        foreach (Step step in steps)
        {
            if (!step.BecomesWritable)
                await ApplyAsync(step, cancellation).ConfigureAwait(false);
        }

        for (int i = steps.Count - 1; i >= 0; i--)
        {
            if (steps[i].BecomesWritable)
                await ApplyAsync(steps[i], cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Appends the steps for a node and then those for its children.</summary>
    private static void Plan(BlockNode node, OptionSet changes, OpenFlags flags, bool isRoot, List<Step> steps)
    {
        var ofChildren = new OptionSet[node.Children.Count];
        for (int i = 0; i < ofChildren.Length; i++)
        {
            BlockChild child = node.Children[i];
            ofChildren[i] = changes.TakeSubset(child.Name + ".");
            CheckUnchanged(child.Name, changes.Take(child.Name), child.Node.NodeName);
        }

        CheckUnchanged("driver", changes.Get("driver"), node.Driver.Name);
        CheckUnchanged("node-name", changes.Get("node-name"), node.NodeName);
        OptionSet effective = changes.Clone();
        node.Driver.JoinOptions(effective, node.EffectiveOptions);
        OptionSet options = effective.Clone();
        options.Take("driver");
        var generic = new GenericOptions((node.OpenedFlags & ~Changeable) | (flags & Changeable));
        generic.TakeFrom(options);
        generic.Check();
        if (isRoot || !changes.IsEmpty || generic.Flags != node.OpenedFlags)
            steps.Add(new Step(node, options, effective, generic));

        ParentKind kind = node.Driver.IsFormat ? ParentKind.Format : ParentKind.Other;
        for (int i = 0; i < ofChildren.Length; i++)
        {
            BlockChild child = node.Children[i];
            if (child.Node is not BorrowedNode)
                Plan(child.Node, ofChildren[i], generic.InheritedFlags(child.Role, kind), isRoot: false, steps);
        }
    }

    private static void CheckUnchanged(string key, string? wanted, string current)
    {
        if (wanted is not null && wanted != current)
            throw BlockException.Invalid($"Cannot change the option '{key}'");
    }

    private static async ValueTask ApplyAsync(Step step, CancellationToken cancellation)
    {
        OptionSet left = step.Options.Clone();
        await step.Node.ReopenAsync(left, step.Generic.Flags, cancellation).ConfigureAwait(false);
        foreach (string key in left.Keys)
        {
            if (step.Node.EffectiveOptions.Get(key) != left.Get(key))
                throw BlockException.Invalid($"Cannot change the option '{key}'");
        }

        step.Node.EffectiveOptions = step.Effective;
        step.Node.OpenedFlags = step.Generic.Flags;
        step.Node.DetectZeroes = step.Generic.DetectZeroes;
    }

    /// <summary>What is done to one node.</summary>
    /// <param name="Node">The node.</param>
    /// <param name="Options">The driver's own options as they are to be.</param>
    /// <param name="Effective">All its options as they are to be.</param>
    /// <param name="Generic">Its flags as they are to be.</param>
    private sealed record Step(BlockNode Node, OptionSet Options, OptionSet Effective, GenericOptions Generic)
    {
        public bool BecomesWritable { get; } = Node.IsReadOnly && (Generic.Flags & OpenFlags.ReadWrite) != 0;
    }
}
