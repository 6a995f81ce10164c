using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>The options that every node has, whatever its driver, and the flags that come of them.</summary>
internal sealed class GenericOptions(OpenFlags flags)
{
    public OpenFlags Flags { get; private set; } = flags;

    public DetectZeroesMode DetectZeroes { get; private set; }

    public string? NodeName { get; private set; }

    /// <summary>Takes the options out of <paramref name="options"/>, all but "driver".</summary>
    public void TakeFrom(OptionSet options)
    {
        NodeName = options.Take("node-name");
        Set(OpenFlags.CacheDirect, options.TakeBool("cache.direct"));
        Set(OpenFlags.CacheNoFlush, options.TakeBool("cache.no-flush"));
        Set(OpenFlags.AutoReadOnly, options.TakeBool("auto-read-only"));
        Set(OpenFlags.ForceShare, options.TakeBool("force-share"));
        if (options.TakeBool("read-only") is { } readOnly)
            Set(OpenFlags.ReadWrite, !readOnly);
        TakeDiscard(options);
        TakeDetectZeroes(options);
    }

    public void SetProtocol(bool isProtocol) => Set(OpenFlags.Protocol, isProtocol);

    public void SuppressBacking() => Set(OpenFlags.NoBacking, true);

    /// <summary>The node below can only be read.</summary>
    public void BecomeReadOnly()
    {
        if ((Flags & OpenFlags.ReadWrite) == 0)
            return;
        if ((Flags & OpenFlags.AutoReadOnly) == 0)
            throw new BlockException(BlockErrorKind.ReadOnly, Errno.OperationNotPermitted, "Block node is read-only");
        Set(OpenFlags.ReadWrite, false);
    }

    /// <summary>Refuses contradictions.</summary>
    public void Check()
    {
        bool writable = (Flags & OpenFlags.ReadWrite) != 0;
        if (writable && (Flags & OpenFlags.ForceShare) != 0)
            throw BlockException.Invalid("force-share=on can only be used with read-only images");
        if (!writable && (Flags & OpenFlags.CopyOnRead) != 0)
            throw BlockException.Invalid("Can't use copy-on-read on read-only device");
    }

    /// <summary>The flags that a child begins with, before its own options are looked at.</summary>
    public OpenFlags InheritedFlags(ChildRole role, ParentKind parent)
    {
        OpenFlags child = Flags & ~(OpenFlags.NoBacking | OpenFlags.CopyOnRead);
        bool isBacking = (role & ChildRole.Backing) != 0;
        bool isMetadata = (role & ChildRole.Metadata) != 0;
        bool isData = (role & ChildRole.Data) != 0;
        bool isFiltered = (role & ChildRole.Filtered) != 0;
        if (parent == ParentKind.Other && isData && !isMetadata && !isFiltered)
            child &= ~OpenFlags.Protocol;
        if ((parent == ParentKind.Format && !isBacking) || isMetadata)
            child |= OpenFlags.Protocol;
        if (isBacking)
            child &= ~(OpenFlags.ReadWrite | OpenFlags.AutoReadOnly);
        if (isMetadata)
            child &= ~OpenFlags.NoDataIo;

        // The parent decides whether discards come down at all.
        return child | OpenFlags.Unmap;
    }

    /// <summary>
    /// Refuses a node name that is not one, or that another node of the same graph, whose names are
    /// <paramref name="taken"/>, has.
    /// </summary>
    public void CheckNodeName(HashSet<string> taken)
    {
        if (NodeName is not { } nodeName)
            return;
        bool wellFormed = nodeName.Length > 0 && char.IsAsciiLetter(nodeName[0])
            && nodeName.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');
        if (!wellFormed)
            throw BlockException.Invalid($"Invalid node-name: '{nodeName}'");
        if (nodeName.Length > 31)
            throw BlockException.Invalid("Node name too long");
        if (!taken.Add(nodeName))
            throw BlockException.Invalid($"Duplicate nodes with node-name='{nodeName}'");
    }

    private void TakeDiscard(OptionSet options)
    {
        switch (options.Take("discard"))
        {
            case null:
                break;
            case "off" or "ignore":
                Set(OpenFlags.Unmap, false);
                break;
            case "on" or "unmap":
                Set(OpenFlags.Unmap, true);
                break;
            default:
                throw BlockException.Invalid("Invalid discard option");
        }
    }

    private void TakeDetectZeroes(OptionSet options)
    {
        string? text = options.Take("detect-zeroes");
        DetectZeroes = text switch
        {
            null or "off" => DetectZeroesMode.Off,
            "on" => DetectZeroesMode.On,
            "unmap" => DetectZeroesMode.Unmap,
            _ => throw BlockException.Invalid($"invalid parameter value: {text}"),
        };
        if (DetectZeroes == DetectZeroesMode.Unmap && (Flags & OpenFlags.Unmap) == 0)
        {
            throw BlockException.Invalid(
                "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
        }
    }

    private void Set(OpenFlags flag, bool? value)
    {
        if (value is { } given)
            Flags = given ? Flags | flag : Flags & ~flag;
    }
}
