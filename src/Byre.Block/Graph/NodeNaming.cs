namespace Byre.Block.Graph;

/// <summary>
/// Works out what a node is called: a plain file name where opening that name gives the same node, else "json:{...}".
/// Stateless; must not run while the graph changes.
/// </summary>
public static class NodeNaming
{
    /// <summary>
    /// Recomputes <see cref="BlockNode.FileName"/> and <see cref="BlockNode.ExactFileName"/> of
    /// <paramref name="node"/> from its options and its children, whose names are taken to be right. Needed after a
    /// child was replaced.
    /// </summary>
    public static void Refresh(BlockNode node)
    {
        var tree = new OptionTree();
        bool needsOptions = AddStrongOptions(node, tree);
        bool backingOverridden = IsBackingOverridden(node);
        needsOptions |= backingOverridden;

        foreach (BlockChild child in node.Children)
        {
            bool isOwnBacking = (child.Role & ChildRole.Backing) != 0 && !backingOverridden;
            if (!isOwnBacking && child.Node.FullOptions is { } options)
                tree.Add(child.Name, options);
        }

        if (backingOverridden && node.Backing is null)
            tree.AddNull("backing");
        node.FullOptions = tree;
        node.ExactFileName = ExactName(node, needsOptions);
        node.FileName = node.ExactFileName.Length > 0 ? node.ExactFileName : JsonFileName.Prefix + tree.ToJson();
    }

    private static string ExactName(BlockNode node, bool needsOptions)
    {
        if (node.DescribeFileName(node.EffectiveOptions) is { } described)
            return described;
        if (node.File is not { } file)
            return node.EffectiveOptions.Get("filename") ?? "";
        bool plain = file.ExactFileName.Length > 0 && file.Driver.IsProtocol && !node.Driver.IsFilter && !needsOptions;
        return plain ? file.ExactFileName : "";
    }

    /// <summary>True where an option besides "driver" and "filename" was added.</summary>
    private static bool AddStrongOptions(BlockNode node, OptionTree tree)
    {
        OptionSet options = node.EffectiveOptions;
        if (options.Contains("driver"))
            tree.Add(options, "driver");
        else
            tree.Add("driver", node.Driver.Name);
        if (options.Contains("filename"))
            tree.Add(options, "filename");

        bool found = false;
        foreach (string strong in node.Driver.StrongOptions)
        {
            foreach (string key in options.Keys)
            {
                bool matches = strong.EndsWith('.') ? key.StartsWith(strong, StringComparison.Ordinal) : key == strong;
                if (matches && !tree.Contains(key))
                {
                    tree.Add(options, key);
                    found = true;
                }
            }
        }

        return found;
    }

    private static bool IsBackingOverridden(BlockNode node)
    {
        // Without I/O the backing file changes nothing, so that a suppressed one need not be told of.
        if ((node.OpenedFlags & OpenFlags.NoDataIo) != 0)
            return false;
        return node.AutoBackingFileName != (node.Backing?.FileName ?? "");
    }
}
