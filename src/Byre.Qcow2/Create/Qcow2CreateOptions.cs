using System.Globalization;
using System.Numerics;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Create;

/// <summary>
/// What a new image shall be like: the options of <c>create</c>, parsed and checked against each other with the peer's
/// texts. Immutable.
/// </summary>
public sealed record Qcow2CreateOptions
{
    private const string Version3Hint = "compatibility level 1.1 and above (use version=v3 or greater)";

    private static readonly string[] s_encryptionKeys =
    [
        "encrypt.key-secret", "encrypt.cipher-alg", "encrypt.cipher-mode", "encrypt.ivgen-alg",
        "encrypt.ivgen-hash-alg",
        "encrypt.hash-alg", "encrypt.iter-time",
    ];

    /// <summary>Everything that <c>-o</c> accepts, in the order in which it is printed.</summary>
    public static IReadOnlyList<CreateOption> Descriptors { get; } =
    [
        new("encryption", CreateOptionType.Bool,
            "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)"),
        new("encrypt.format", CreateOptionType.Text, "Encrypt the image, format choices: 'aes', 'luks'"),
        new("encrypt.key-secret", CreateOptionType.Text, "ID of secret providing qcow AES key or LUKS passphrase"),
        new("encrypt.cipher-alg", CreateOptionType.Text, "Name of encryption cipher algorithm"),
        new("encrypt.cipher-mode", CreateOptionType.Text, "Name of encryption cipher mode"),
        new("encrypt.ivgen-alg", CreateOptionType.Text, "Name of IV generator algorithm"),
        new("encrypt.ivgen-hash-alg", CreateOptionType.Text, "Name of IV generator hash algorithm"),
        new("encrypt.hash-alg", CreateOptionType.Text, "Name of encryption hash algorithm"),
        new("encrypt.iter-time", CreateOptionType.Number, "Time to spend in PBKDF in milliseconds"),
        new("cluster_size", CreateOptionType.Size, "qcow2 cluster size", "65536"),
        new("extended_l2", CreateOptionType.Bool, "Extended L2 tables", "off"),
        new("preallocation", CreateOptionType.Text, "Preallocation mode (allowed values: off, metadata, falloc, full)"),
        new("compression_type", CreateOptionType.Text, "Compression method used for image cluster compression", "zlib"),
        new("size", CreateOptionType.Size, "Virtual disk size"),
        new("compat", CreateOptionType.Text, "Compatibility level (v2 [0.10] or v3 [1.1])"),
        new("backing_file", CreateOptionType.Text, "File name of a base image"),
        new("backing_fmt", CreateOptionType.Text, "Image format of the base image"),
        new("data_file", CreateOptionType.Text, "File name of an external data file"),
        new("data_file_raw", CreateOptionType.Bool, "The external data file must stay valid as a raw image"),
        new("lazy_refcounts", CreateOptionType.Bool, "Postpone refcount updates", "off"),
        new("refcount_bits", CreateOptionType.Number, "Width of a reference count entry in bits", "16"),
    ];

    /// <summary>2 or 3.</summary>
    public int Version { get; init; } = 3;

    /// <summary>Virtual disk size in bytes, a multiple of 512.</summary>
    public long SizeBytes { get; init; }

    /// <summary>A power of two from 512 bytes to 2 MiB.</summary>
    public int ClusterSizeBytes { get; init; } = FormatLimits.DefaultClusterBytes;

    public bool ExtendedL2 { get; init; }

    public PreallocationMode Preallocation { get; init; }

    public CompressionType CompressionType { get; init; }

    /// <summary>Name to store; null for none.</summary>
    public string? BackingFileName { get; init; }

    /// <summary>Format to store; null for none.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Name of the external data file; null for none.</summary>
    public string? DataFileName { get; init; }

    public bool DataFileRaw { get; init; }

    public bool LazyRefcounts { get; init; }

    /// <summary>1, 2, 4, 8, 16, 32 or 64.</summary>
    public int RefcountBits { get; init; } = 16;

    /// <summary>Log2 of <see cref="ClusterSizeBytes"/>.</summary>
    public int ClusterBits => BitOperations.Log2((uint)ClusterSizeBytes);

    /// <summary>Log2 of <see cref="RefcountBits"/>.</summary>
    public int RefcountOrder => BitOperations.Log2((uint)RefcountBits);

    /// <summary>The same options as texts: what <see cref="Parse"/> reads.</summary>
    public OptionSet ToOptionSet()
    {
        static string Bool(bool value) => value ? "on" : "off";
        static string Number(long value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var options = new OptionSet
        {
            ["size"] = Number(SizeBytes),
            ["compat"] = Version < 3 ? "0.10" : "1.1",
            ["cluster_size"] = Number(ClusterSizeBytes),
            ["extended_l2"] = Bool(ExtendedL2),
            ["preallocation"] = Preallocation.ToString().ToLowerInvariant(),
            ["compression_type"] = CompressionType.ToString().ToLowerInvariant(),
            ["data_file_raw"] = Bool(DataFileRaw),
            ["lazy_refcounts"] = Bool(LazyRefcounts),
            ["refcount_bits"] = Number(RefcountBits),
        };
        if (BackingFileName is not null)
            options["backing_file"] = BackingFileName;
        if (BackingFormat is not null)
            options["backing_fmt"] = BackingFormat;
        if (DataFileName is not null)
            options["data_file"] = DataFileName;
        return options;
    }

    /// <summary>
    /// Takes what belongs to qcow2 out of <paramref name="options"/>; the rest is for the protocol below.
    /// </summary>
    /// <exception cref="BlockException">A value that is not accepted, or options that exclude each other.</exception>
    public static Qcow2CreateOptions Parse(OptionSet options)
    {
        RefuseEncryption(options);
        long size = options.TakeSize("size") ?? 0;
        if (size > long.MaxValue - (FormatLimits.SectorBytes - 1))
            throw BlockException.Invalid("Could not resize image: Image size cannot be negative");

        string? dataFile = options.Take("data_file");
        bool dataFileRaw = options.TakeBool("data_file_raw") ?? false;
        bool extendedL2 = options.TakeBool("extended_l2") ?? false;
        int version = ParseVersion(options.Take("compat"));
        string? backingFile = options.Take("backing_file");
        string? backingFormat = options.Take("backing_fmt");
        long clusterSize = options.TakeSize("cluster_size") ?? FormatLimits.DefaultClusterBytes;
        PreallocationMode preallocation = ParsePreallocation(options.Take("preallocation"));
        bool lazyRefcounts = options.TakeBool("lazy_refcounts") ?? false;
        ulong refcountBits = options.Take("refcount_bits") is { } bits
            ? SizeText.ParseUnsigned("refcount_bits", bits) : 16;
        CompressionType compression = ParseCompression(options.Take("compression_type"));

        CheckClusterSize(version, clusterSize, extendedL2);
        if (backingFile is not null && preallocation != PreallocationMode.Off && !extendedL2)
            throw BlockException.Invalid(
                "Backing file and preallocation can only be used at the same time if extended_l2 is on");
        if (backingFormat is not null && backingFile is null)
            throw BlockException.Invalid("Backing format cannot be used without backing file");
        CheckRefcounts(version, lazyRefcounts, refcountBits);
        CheckDataFile(version, dataFile, dataFileRaw, backingFile);
        if (compression != CompressionType.Zlib && version < 3)
            throw BlockException.Invalid("Non-zlib compression type is only supported with " + Version3Hint);

        // The raw data file must read like the image by itself: every cluster is mapped one to one from the start.
        if (dataFileRaw && preallocation == PreallocationMode.Off)
            preallocation = PreallocationMode.Metadata;
        return new Qcow2CreateOptions
        {
            Version = version,
            SizeBytes = (size + FormatLimits.SectorBytes - 1) & -FormatLimits.SectorBytes,
            ClusterSizeBytes = (int)clusterSize,
            ExtendedL2 = extendedL2,
            Preallocation = preallocation,
            CompressionType = compression,
            BackingFileName = backingFile,
            BackingFormat = backingFormat,
            DataFileName = dataFile,
            DataFileRaw = dataFileRaw,
            LazyRefcounts = lazyRefcounts,
            RefcountBits = (int)refcountBits,
        };
    }

    /// <summary>Checks a cluster size and whether subclusters go with it.</summary>
    /// <exception cref="BlockException">Not a power of two in the range, or too small for extended L2
    /// entries.</exception>
    public static void CheckClusterSize(long clusterSizeBytes, bool extendedL2)
    {
        const long Min = 1 << FormatLimits.MinClusterBits;
        const long Max = 1 << FormatLimits.MaxClusterBits;
        if (clusterSizeBytes is < Min or > Max || !BitOperations.IsPow2(clusterSizeBytes))
            throw BlockException.Invalid($"Cluster size must be a power of two between {Min} and {Max / 1024}k");
        if (extendedL2 && clusterSizeBytes < FormatLimits.MinExtendedL2ClusterBytes)
        {
            throw BlockException.Invalid(
                "Extended L2 entries are only supported with cluster sizes of at least " +
                $"{FormatLimits.MinExtendedL2ClusterBytes.ToString(CultureInfo.InvariantCulture)} bytes");
        }
    }

    private static int ParseVersion(string? text) => text switch
    {
        null or "v3" or "1.1" => 3,
        "v2" or "0.10" => 2,
        _ => throw BlockException.Invalid($"Parameter 'version' does not accept value '{text}'"),
    };

    private static PreallocationMode ParsePreallocation(string? text) => text switch
    {
        null or "off" => PreallocationMode.Off,
        "metadata" => PreallocationMode.Metadata,
        "falloc" => PreallocationMode.Falloc,
        "full" => PreallocationMode.Full,
        _ => throw BlockException.Invalid($"Parameter 'preallocation' does not accept value '{text}'"),
    };

    private static CompressionType ParseCompression(string? text) => text switch
    {
        null or "zlib" => CompressionType.Zlib,
        "zstd" => CompressionType.Zstd,
        _ => throw BlockException.Invalid($"Parameter 'compression-type' does not accept value '{text}'"),
    };

    private static void CheckClusterSize(int version, long clusterSize, bool extendedL2)
    {
        if (extendedL2 && version < 3)
            throw BlockException.Invalid("Extended L2 entries are only supported with " + Version3Hint);
        CheckClusterSize(clusterSize, extendedL2);
    }

    private static void CheckRefcounts(int version, bool lazy, ulong bits)
    {
        if (lazy && version < 3)
            throw BlockException.Invalid("Lazy refcounts only supported with " + Version3Hint);
        if (bits > 64 || !BitOperations.IsPow2(bits))
            throw BlockException.Invalid("Refcount width must be a power of two and may not exceed 64 bits");
        if (version < 3 && bits != 16)
        {
            throw BlockException.Invalid(
                "Different refcount widths than 16 bits require compatibility level 1.1 or above (use version=v3 or " +
                "greater)");
        }
    }

    private static void CheckDataFile(int version, string? name, bool raw, string? backingFile)
    {
        if (raw && name is null)
            throw BlockException.Invalid("data-file-raw requires data-file");
        if (raw && backingFile is not null)
            throw BlockException.Invalid("Backing file and data-file-raw cannot be used at the same time");
        if (name is not null && version < 3)
            throw BlockException.Invalid("External data files are only supported with " + Version3Hint);
    }

    private static void RefuseEncryption(OptionSet options)
    {
        string? old = options.Take("encryption");
        string? format = options.Take("encrypt.format");
        bool wantsOld = old is not null && OptionSet.ParseBool("encryption", old);
        if (wantsOld && format is not null)
            throw BlockException.Invalid("'encrypt.format' and its alias 'encryption' can't be used at the same time");
        bool hasDetails = false;
        foreach (string key in s_encryptionKeys)
            hasDetails |= options.Take(key) is not null;
        if (wantsOld)
            format = "aes";
        if (format is null && hasDetails)
            throw BlockException.Invalid("Parameter 'encrypt.format' is missing");
        if (format is null)
            return;
        if (format is not ("aes" or "luks"))
            throw BlockException.Invalid($"Parameter 'format' does not accept value '{format}'");
        throw BlockException.NotSupported($"Encryption of qcow2 images ('{format}') is not supported");
    }
}
