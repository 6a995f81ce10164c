namespace Byre.Conformance.Tests.Programs;

/// <summary>What a program's image is created with. All sizes in bytes.</summary>
public sealed record ImageParameters
{
    public required long SizeBytes { get; init; }

    public int ClusterBytes { get; init; } = 65536;

    public int RefcountBits { get; init; } = 16;

    public bool IsVersion2 { get; init; }

    public bool HasExtendedL2 { get; init; }

    public bool HasLazyRefcounts { get; init; }

    public bool UsesZstd { get; init; }

    public bool HasDataFile { get; init; }

    public bool PreallocatesMetadata { get; init; }

    /// <summary>The format of the backing file: "raw" or "qcow2"; null for none.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Length of the backing file.</summary>
    public long BackingBytes { get; init; }

    /// <summary>The value of <c>create -o</c>.</summary>
    public string CreateOptions
    {
        get
        {
            string options =
                $"cluster_size={ClusterBytes},compat={(IsVersion2 ? "0.10" : "1.1")},refcount_bits={RefcountBits}";
            if (HasExtendedL2)
                options += ",extended_l2=on";
            if (HasLazyRefcounts)
                options += ",lazy_refcounts=on";
            if (UsesZstd)
                options += ",compression_type=zstd";
            if (HasDataFile)
                options += ",data_file=t.data";
            if (PreallocatesMetadata)
                options += ",preallocation=metadata";
            return options;
        }
    }

    public override string ToString() =>
        $"-o {CreateOptions} size={SizeBytes}" +
        (BackingFormat is null ? "" : $" backing={BackingFormat}:{BackingBytes}");
}
