using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Storage.Drivers;

/// <summary>What the driver "file" is asked to create. Immutable.</summary>
/// <param name="FileName">Without the "file:" prefix.</param>
/// <param name="SizeBytes">A multiple of 512.</param>
/// <param name="Preallocation">How space is prepared.</param>
internal sealed record FileCreateArguments(string FileName, long SizeBytes, PreallocationMode Preallocation)
{
    private const string Prefix = "file:";
    private const long SectorBytes = 512;
    private const long DefaultExtentBytes = 1 << 20;

    /// <summary>Turn off copy-on-write (btrfs).</summary>
    public bool NoCopyOnWrite { get; private init; }

    /// <summary>Extent size hint in bytes.</summary>
    public uint ExtentSizeBytes { get; private init; }

    /// <exception cref="BlockException">A value is not allowed.</exception>
    public static FileCreateArguments Take(CreateRequest request)
    {
        OptionSet options = request.Options;
        string name = request.FileName;
        if (name.StartsWith(Prefix, StringComparison.Ordinal))
            name = name[Prefix.Length..];
        long size = options.TakeSize("size") ?? 0;
        long extent = options.TakeSize("extent_size_hint") ?? DefaultExtentBytes;
        bool noCopyOnWrite = options.TakeBool("nocow") ?? false;
        PreallocationMode preallocation = ParseMode(options.Take("preallocation") ?? "off");
        if (extent > uint.MaxValue)
            throw BlockException.Invalid("Extent size hint is too large");
        if (size > long.MaxValue - SectorBytes)
            throw BlockException.FromErrno("Could not resize file", Errno.FileTooLarge);
        return new FileCreateArguments(name, (size + SectorBytes - 1) & -SectorBytes, preallocation)
        {
            NoCopyOnWrite = noCopyOnWrite,
            ExtentSizeBytes = (uint)extent,
        };
    }

    private static PreallocationMode ParseMode(string text) => text switch
    {
        "off" => PreallocationMode.Off,
        "metadata" => PreallocationMode.Metadata,
        "falloc" => PreallocationMode.Falloc,
        "full" => PreallocationMode.Full,
        _ => throw BlockException.Invalid($"invalid parameter value: {text}"),
    };
}
