using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2;

/// <summary>
/// The runtime options of an open image, parsed and checked against its header: names, defaults, limits and texts are
/// the peer's. Immutable.
/// </summary>
internal sealed record Qcow2OpenOptions
{
    /// <summary>How long a cluster of the data cache waits for more.</summary>
    private const int DataCacheSeconds = 2;

    private const uint LinuxCacheCleanSeconds = 600;

    private const string OverlapPrefix = "overlap-check.";

    private static readonly (string Name, OverlapChecks Check)[] s_overlapFlags =
    [
        ("main-header", OverlapChecks.MainHeader),
        ("active-l1", OverlapChecks.ActiveL1),
        ("active-l2", OverlapChecks.ActiveL2),
        ("refcount-table", OverlapChecks.RefcountTable),
        ("refcount-block", OverlapChecks.RefcountBlock),
        ("snapshot-table", OverlapChecks.SnapshotTable),
        ("inactive-l1", OverlapChecks.InactiveL1),
        ("inactive-l2", OverlapChecks.InactiveL2),
        ("bitmap-directory", OverlapChecks.BitmapDirectory),
    ];

    public required CacheSizes Caches { get; init; }

    /// <summary>Bytes that all nodes which name them share for their caches; null where the node has its own.</summary>
    public long? CacheBudgetBytes { get; init; }

    /// <summary>Seconds after which cache entries that were not used are given back; 0 for never.</summary>
    public uint CacheCleanSeconds { get; init; }

    public bool LazyRefcounts { get; init; }

    public bool PassDiscardRequest { get; init; }

    public bool PassDiscardSnapshot { get; init; } = true;

    public bool PassDiscardOther { get; init; }

    public bool DiscardNoUnref { get; init; }

    public OverlapChecks OverlapChecks { get; init; } = OverlapChecks.Cached;

    /// <summary>Id of the secret that unlocks an encrypted image; null for none.</summary>
    public string? EncryptKeySecret { get; init; }

    /// <summary>Takes the options of qcow2 out of <paramref name="options"/>.</summary>
    /// <exception cref="BlockException">A value that is not accepted, or one that the image cannot have.</exception>
    public static Qcow2OpenOptions Parse(OptionSet options, ImageHeader header, OpenFlags flags)
    {
        OptionSet encryption = options.TakeSubset("encrypt.");
        bool? lazyRefcounts = options.TakeBool("lazy-refcounts");
        bool? passRequest = options.TakeBool("pass-discard-request");
        bool? passSnapshot = options.TakeBool("pass-discard-snapshot");
        bool? passOther = options.TakeBool("pass-discard-other");
        bool? noUnref = options.TakeBool("discard-no-unref");
        string? overlap = options.Take("overlap-check");
        string? template = options.Take(OverlapPrefix + "template");
        (OverlapChecks forced, OverlapChecks given) = TakeOverlapFlags(options);
        CacheSettings settings = CacheSettings.TakeFrom(options);
        ulong? cleanInterval = options.Take("cache-clean-interval") is { } text
            ? SizeText.ParseUnsigned("cache-clean-interval", text)
            : null;

        CacheSizes caches = CacheSizes.Compute(settings, header);
        uint cleanSeconds = CheckCleanInterval(cleanInterval);
        bool lazy = lazyRefcounts ?? header.HasLazyRefcounts;
        if (lazy && header.Version < 3)
        {
            throw BlockException.Invalid(
                "Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level");
        }

        OverlapChecks checks = (ParseOverlapTemplate(overlap, template) & ~given) | forced;
        if (noUnref == true && header.Version < 3)
            throw BlockException.Invalid("discard-no-unref is only supported since qcow2 version 3");
        CheckEncryption(encryption.Get("format"), header);
        return new Qcow2OpenOptions
        {
            Caches = caches,
            CacheBudgetBytes = (long?)settings.BudgetBytes,
            CacheCleanSeconds = cleanSeconds,
            LazyRefcounts = lazy,
            PassDiscardRequest = passRequest ?? (flags & OpenFlags.Unmap) != 0,
            PassDiscardSnapshot = passSnapshot ?? true,
            PassDiscardOther = passOther ?? false,
            DiscardNoUnref = noUnref ?? false,
            OverlapChecks = checks,
            EncryptKeySecret = encryption.Get("key-secret"),
        };
    }

    /// <summary>
    /// Fills changed options up with the current ones: a new overlap template replaces all of the old flags, a new
    /// total cache size or budget the old shares, and a new share the old total.
    /// </summary>
    public static void Join(OptionSet changes, OptionSet current)
    {
        OptionSet kept = current.Clone();
        if (changes.Contains("overlap-check") || changes.Contains(OverlapPrefix + "template"))
        {
            kept.Take("overlap-check");
            kept.TakeSubset(OverlapPrefix);
        }

        if (changes.Contains("cache-size") || changes.Contains("cache-budget"))
        {
            kept.Take("l2-cache-size");
            kept.Take("refcount-cache-size");
            kept.Take(changes.Contains("cache-size") ? "cache-budget" : "cache-size");
        }
        else if (changes.Contains("l2-cache-size") || changes.Contains("refcount-cache-size"))
        {
            kept.Take("cache-size");
            kept.Take("cache-budget");
        }

        changes.Merge(kept, overwrite: false);
    }

    /// <summary>What the metadata layer wants to know.</summary>
    public MetadataOptions ToMetadataOptions() => new()
    {
        L2SliceBytes = Caches.L2SliceBytes,
        L2Slices = Caches.L2Slices,
        L2SlicesAtMost = Caches.L2SlicesAtMost,
        RefcountSliceBytes = Caches.RefcountSliceBytes,
        RefcountSlices = Caches.RefcountSlices,
        CompressedCacheClusters = Caches.CompressedClusters,
        DataCacheClusters = Caches.DataClusters,
        DataCacheAge = TimeSpan.FromSeconds(DataCacheSeconds),
        BudgetBytes = CacheBudgetBytes,
        CacheCleanInterval = TimeSpan.FromSeconds(CacheCleanSeconds),
        LazyRefcounts = LazyRefcounts,
        PassDiscardRequest = PassDiscardRequest,
        PassDiscardSnapshot = PassDiscardSnapshot,
        PassDiscardOther = PassDiscardOther,
        DiscardNoUnref = DiscardNoUnref,
        OverlapChecks = OverlapChecks,
    };

    /// <summary>Memory is given back on Linux only; elsewhere the peer knows no interval but none.</summary>
    private static uint CheckCleanInterval(ulong? seconds)
    {
        if (!OperatingSystem.IsLinux() && seconds is > 0)
            throw BlockException.Invalid("cache-clean-interval not supported on this host");
        if (seconds > uint.MaxValue)
            throw BlockException.Invalid("Cache clean interval too big");
        return (uint)(seconds ?? (OperatingSystem.IsLinux() ? LinuxCacheCleanSeconds : 0));
    }

    /// <summary>The flags that were set one by one, and which were mentioned at all.</summary>
    private static (OverlapChecks Forced, OverlapChecks Given) TakeOverlapFlags(OptionSet options)
    {
        OverlapChecks forced = OverlapChecks.None;
        OverlapChecks given = OverlapChecks.None;
        foreach ((string name, OverlapChecks check) in s_overlapFlags)
        {
            if (options.TakeBool(OverlapPrefix + name) is not { } value)
                continue;
            given |= check;
            if (value)
                forced |= check;
        }

        return (forced, given);
    }

    private static OverlapChecks ParseOverlapTemplate(string? option, string? template)
    {
        if (option is not null && template is not null && option != template)
        {
            throw BlockException.Invalid(
                $"Conflicting values for qcow2 options 'overlap-check' ('{option}') and 'overlap-check.template' " +
                $"('{template}')");
        }

        string value = option ?? template ?? "cached";
        return value switch
        {
            "none" => OverlapChecks.None,
            "constant" => OverlapChecks.Constant,
            "cached" => OverlapChecks.Cached,
            "all" => OverlapChecks.All,
            _ => throw BlockException.Invalid(
                $"Unsupported value '{value}' for qcow2 option 'overlap-check'. Allowed are any of the following: " +
                "none, constant, cached, all"),
        };
    }

    private static void CheckEncryption(string? format, ImageHeader header)
    {
        if (format is null)
            return;
        if (header.CryptMethod == CryptMethod.None)
            throw BlockException.Invalid($"No encryption in image header, but options specified format '{format}'");
        string actual = header.CryptMethod == CryptMethod.Aes ? "aes" : "luks";
        if (format != actual)
            throw BlockException.Invalid(
                $"Header reported '{actual}' encryption format but options specify '{format}'");
    }
}
