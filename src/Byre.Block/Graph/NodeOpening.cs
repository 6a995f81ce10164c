using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// One node on its way to being open: from a name and options to a driver, its "file" child, the format found by
/// probing, and the driver's call back for further children. Lives as long as the open takes; used by one thread at a
/// time.
/// </summary>
internal sealed class NodeOpening : IImageOpener
{
    private readonly ImageOpener _opener;
    private readonly NodeOpening? _parent;
    private readonly OptionSet _options;
    private readonly int _depth;
    private readonly GenericOptions _generic;
    private readonly List<string> _childNames = [];

    /// <summary>All node names given in this open, from the root down.</summary>
    private readonly HashSet<string> _nodeNames;
    private BlockDriver? _driver;
    private BlockNode? _file;
    private bool _fileIsClaimed;
    private bool _isBacking;
    private bool _isAhead;
    private bool _isDetached;
    private ChildRole _role;
    private string _autoBackingFileName = "";

    public NodeOpening(ImageOpener opener, NodeOpening? parent, OptionSet options, OpenFlags flags)
    {
        _opener = opener;
        _parent = parent;
        _options = options;
        _depth = parent is null ? 0 : parent._depth + 1;
        _nodeNames = parent?._nodeNames ?? [];
        _generic = new GenericOptions(flags);
    }

    private bool IsProtocol => (_generic.Flags & OpenFlags.Protocol) != 0;

    public async ValueTask<BlockNode> OpenAsync(string? fileName, bool parseFileName, CancellationToken cancellation)
    {
        if (_depth > ImageOpener.MaxDepth)
            throw BlockException.Invalid($"Too many nested images: more than {ImageOpener.MaxDepth}");
        if (parseFileName && fileName is not null && JsonFileName.IsOne(fileName))
        {
            _options.Merge(JsonFileName.Parse(fileName), overwrite: false);
            fileName = null;
        }

        _driver = FindDriver(fileName, parseFileName);
        OptionSet effective = _options.Clone();
        _generic.TakeFrom(_options);
        TakeBackingSuppression(effective);
        try
        {
            return await OpenDriverAsync(fileName, effective, cancellation).ConfigureAwait(false);
        }
        catch when (_file is not null && !_fileIsClaimed)
        {
            await _file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<BlockNode?> OpenChildAsync(
        OpenRequest parent,
        string name,
        ChildRole role,
        string? fileName,
        string? format,
        CancellationToken cancellation)
    {
        if (name == "file")
        {
            if (_file is null || _fileIsClaimed)
                throw BlockException.Invalid("A block device must be specified for \"file\"");
            // Only now is it known what the file is used for: it takes its locks before the driver reads anything.
            (NodePermissions used, NodePermissions shared) = PermissionsOnChild(role);
            _file.SetPermissions(used, shared);
            _fileIsClaimed = true;
            return new ValueTask<BlockNode?>(_file);
        }

        _childNames.Add(name);

        return (role & ChildRole.Backing) != 0
            ? OpenBackingAsync(parent, name, fileName, format, cancellation)
            : OpenOtherChildAsync(parent.Options, name, role, fileName, format, cancellation);
    }

    /// <summary>Opens a child for a parent that is not being opened here.</summary>
    public ValueTask<BlockNode?> OpenDetachedChildAsync(
        OpenRequest parent,
        string name,
        ChildRole role,
        string? fileName,
        string? format,
        CancellationToken cancellation)
    {
        _isDetached = true;
        return (role & ChildRole.Backing) != 0
            ? OpenBackingAsync(parent, name, fileName, format, cancellation)
            : OpenOtherChildAsync(parent.Options, name, role, fileName, format, cancellation);
    }

    private (NodePermissions Used, NodePermissions Shared) PermissionsOnChild(ChildRole role)
    {
        bool isWritable = (_generic.Flags & OpenFlags.ReadWrite) != 0;
        NodePermissions used = NodeSharing.OfChild(role, NodeSharing.OfRoot(_generic.Flags), isWritable);
        return (used, NodeSharing.OnChild(role, NodeSharing.ByRoot(_generic.Flags)));
    }

    // A root is used as its flags say. What is opened ahead as a format's file is not used until the format claims it:
    // only the header is read, to find out which format it is.
    private (NodePermissions Used, NodePermissions Shared) OwnPermissions()
    {
        if (_parent is null)
            return (NodeSharing.OfRoot(_generic.Flags), NodeSharing.ByRoot(_generic.Flags));
        return _isAhead ? (NodePermissions.None, NodePermissions.All) : _parent.PermissionsOnChild(_role);
    }

    private async ValueTask<BlockNode> OpenDriverAsync(
        string? fileName, OptionSet effective, CancellationToken cancellation)
    {
        if (!IsProtocol)
        {
            const ChildRole Role = ChildRole.Data | ChildRole.Metadata;
            _file = await OpenOtherChildAsync(_options, "file", Role, fileName, null, cancellation)
                .ConfigureAwait(false);
            CheckLoop();
        }

        bool probed = _driver is null;
        _driver ??= await ProbeAsync(cancellation).ConfigureAwait(false);
        effective["driver"] = _driver.Name;
        _options.Take("driver");
        if (_file is { IsReadOnly: true })
            _generic.BecomeReadOnly();
        _generic.Check();
        _generic.CheckNodeName(_nodeNames);
        if (probed && _driver.Name == "raw" && (_generic.Flags & OpenFlags.ReadWrite) != 0)
            _opener.WarnOfProbedRaw?.Invoke(ProbedRawText(_file!.FileName));

        var request = new OpenRequest
        {
            Opener = this,
            Options = _options,
            Flags = _generic.Flags,
            FileName = _file?.FileName ?? _options.Get("filename") ?? "",
            Permissions = OwnPermissions(),
            IsProbed = probed,
        };
        BlockNode node = await _driver.OpenAsync(request, cancellation).ConfigureAwait(false);
        try
        {
            CheckLeftovers();
        }
        catch
        {
            await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        Finish(node, effective);
        return node;
    }

    private void Finish(BlockNode node, OptionSet effective)
    {
        foreach (string child in _childNames)
        {
            effective.Take(child);
            effective.TakeSubset(child + ".");
        }

        node.EffectiveOptions = effective;
        node.Permissions = OwnPermissions();
        // A driver that fell back to read-only has set its flags itself.
        if (node.OpenedFlags == OpenFlags.None)
            node.OpenedFlags = _generic.Flags;
        node.AutoBackingFileName = _autoBackingFileName;
        node.DetectZeroes = _generic.DetectZeroes;
        NodeNaming.Refresh(node);
        if (_generic.NodeName is { } nodeName)
        {
            node.NodeName = nodeName;
            _opener.Register(node);
        }
    }

    private BlockDriver? FindDriver(string? fileName, bool parseFileName)
    {
        BlockDriver? driver = _options.Get("driver") is { } name ? _opener.Registry.Get(name) : null;
        if (driver is not null)
            _generic.SetProtocol(driver.IsProtocol);
        if (!IsProtocol)
            return driver;

        bool parse = false;
        if (fileName is not null)
        {
            if (_options.Contains("filename"))
                throw BlockException.Invalid("Can't specify 'file' and 'filename' options at the same time");
            _options["filename"] = fileName;
            parse = parseFileName;
        }

        if (driver is null)
        {
            string given = _options.Get("filename")
                ?? throw BlockException.Invalid("Must specify either driver or file");
            driver = _opener.Registry.FindProtocol(given, parse);
        }

        if (parse)
        {
            _options.Take("filename");
            driver.ParseFileName(fileName!, _options);
        }

        return driver;
    }

    private void TakeBackingSuppression(OptionSet effective)
    {
        if (_options.Get("backing") is not (OptionSet.Null or ""))
            return;
        if (_options.Take("backing") == "")
            _opener.Warn?.Invoke("Use of \"backing\": \"\" is deprecated; use \"backing\": null instead");
        effective.Take("backing");
        _generic.SuppressBacking();
    }

    private ValueTask<BlockDriver> ProbeAsync(CancellationToken cancellation)
    {
        if (_file is null)
            throw BlockException.Invalid("Must specify either driver or file");
        bool isWritable = (_generic.Flags & OpenFlags.ReadWrite) != 0;
        return FormatProbe.RunAsync(_opener, _file, isWritable, cancellation);
    }

    private async ValueTask<BlockNode?> OpenOtherChildAsync(
        OptionSet options,
        string name,
        ChildRole role,
        string? fileName,
        string? format,
        CancellationToken cancellation)
    {
        OptionSet subset = options.TakeSubset(name + ".");
        string? reference = options.Get(name) is OptionSet.Null ? null : options.Take(name);
        bool isNamedByUser = name is "file" or "image";
        if (!isNamedByUser && (reference is not null || !subset.IsEmpty))
            fileName = null;
        if (fileName is null && reference is null && subset.IsEmpty)
            return null;
        if (name == "file")
            _childNames.Add(name);
        if (reference is not null)
            return Borrow(reference, fileName, subset);
        if (format is not null && !subset.Contains("driver"))
            subset["driver"] = format;
        if (name == "data-file" && fileName is not null)
            CheckImplicit(role, fileName, fileName, isProbed: false);
        // A driver that is not known yet is about to be probed, and so a format; so is what a "file" is opened ahead
        // for.
        bool isFormat = name == "file" || _driver is not { IsFormat: false };
        OpenFlags flags = _generic.InheritedFlags(role, isFormat ? ParentKind.Format : ParentKind.Other);
        bool isAhead = name == "file" && !_isDetached;
        var child = new NodeOpening(_opener, this, subset, flags) { _role = role, _isAhead = isAhead };
        // Only what the user wrote is parsed for protocols: an image must not be able to name one for its data file.
        return await child.OpenAsync(fileName, parseFileName: isNamedByUser, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<BlockNode?> OpenBackingAsync(
        OpenRequest parent, string name, string? fileName, string? format, CancellationToken cancellation)
    {
        _autoBackingFileName = fileName ?? "";
        if ((_generic.Flags & OpenFlags.NoBacking) != 0)
            return null;
        OptionSet subset = parent.Options.TakeSubset(name + ".");
        string? reference = parent.Options.Take(name);
        if (reference is null && subset.IsEmpty && string.IsNullOrEmpty(fileName))
            return null;

        try
        {
            if (reference is not null)
                return Borrow(reference, null, subset);
            bool isImplicit = subset.IsEmpty;
            if (!string.IsNullOrEmpty(format) && !subset.Contains("driver"))
                subset["driver"] = format;
            string? resolved = subset.Contains("file.filename")
                ? null
                : ResolveBacking(fileName, isProbed: !subset.Contains("driver"));
            var child = new NodeOpening(
                _opener, this, subset, _generic.InheritedFlags(ChildRole.Backing, ParentKind.Format))
            {
                _isBacking = true,
                _role = ChildRole.Backing,
            };
            BlockNode node = await child.OpenAsync(resolved, parseFileName: true, cancellation).ConfigureAwait(false);
            if (isImplicit)
                _autoBackingFileName = node.FileName;
            return node;
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Could not open backing file: ");
        }
    }

    private string? ResolveBacking(string? fileName, bool isProbed)
    {
        if (string.IsNullOrEmpty(fileName))
            return null;
        string resolved = FileNames.HasProtocol(fileName) || FileNames.IsAbsolute(fileName)
            ? fileName
            : (_file?.DirectoryName() ?? "") + fileName;
        CheckImplicit(ChildRole.Backing, fileName, resolved, isProbed);
        return resolved;
    }

    private void CheckImplicit(ChildRole role, string storedName, string fullName, bool isProbed) =>
        _opener.ImplicitOpens.Check(new ImplicitOpen
        {
            ImageFileName = _file?.FileName ?? "",
            ImageDirectory = FindDirectory(),
            Role = role,
            StoredName = storedName,
            FullName = fullName,
            IsProbed = isProbed,
        });

    private string? FindDirectory()
    {
        try
        {
            return _file?.DirectoryName();
        }
        catch (BlockException)
        {
            // A node that is made of several, or of none, has no directory: the policy is told so.
            return null;
        }
    }

    private BorrowedNode Borrow(string reference, string? fileName, OptionSet subset)
    {
        if (fileName is not null || !subset.IsEmpty)
        {
            throw BlockException.Invalid(
                "Cannot reference an existing block device with additional options or a new filename");
        }

        return new BorrowedNode(_opener.FindNode(reference));
    }

    private void CheckLoop()
    {
        string own = _file?.ExactFileName ?? "";
        if (own.Length == 0)
            return;
        for (NodeOpening overlay = this; overlay._isBacking; overlay = overlay._parent)
        {
            if (overlay._parent!._file?.ExactFileName == own)
                throw BlockException.Invalid($"Backing file '{own}' creates an infinite loop.");
        }
    }

    private void CheckLeftovers()
    {
        if (!_driver!.SupportsBacking && (_options.Contains("backing") || _options.HasPrefix("backing.")))
            throw BlockException.Invalid("Driver doesn't support backing files");
        bool fileIsLeft = _file is not null && !_fileIsClaimed;
        if (_options.IsEmpty && !fileIsLeft)
            return;
        // The peer looks at a copy of its dictionary: within a bucket, the order of insertion.
        string first = fileIsLeft ? "file" : QDictOrder.Sort(_options.Keys.Reverse().ToArray())[0];
        throw BlockException.Invalid(IsProtocol
            ? $"Block protocol '{_driver.Name}' doesn't support the option '{first}'"
            : $"Block format '{_driver.Name}' does not support the option '{first}'");
    }

    private static string ProbedRawText(string fileName) =>
        $"WARNING: Image format was not specified for '{fileName}' and probing guessed raw.\n"
        + "         Automatically detecting the format is dangerous for raw images, "
        + "write operations on block 0 will be restricted.\n"
        + "         Specify the 'raw' format explicitly to remove the restrictions.";
}
