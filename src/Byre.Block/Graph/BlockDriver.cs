using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// A kind of node: a protocol ("file"), a format ("qcow2") or a filter ("blkdebug"). Stateless; one instance for all.
/// Registered in a <c>DriverRegistry</c> by the program; nothing is found by reflection.
/// </summary>
public abstract class BlockDriver
{
    /// <summary>The name in <c>driver=</c> and <c>-f</c>.</summary>
    public abstract string Name { get; }

    /// <summary>True for drivers that open a file name or address themselves instead of a "file" child.</summary>
    public virtual bool IsProtocol => false;

    /// <summary>True for drivers that pass their child's bytes through unchanged.</summary>
    public virtual bool IsFilter => false;

    /// <summary>
    /// True for drivers that interpret their children's bytes: these are never probed for a format themselves.
    /// </summary>
    public virtual bool IsFormat => !IsProtocol && !IsFilter;

    /// <summary>The prefix before the colon of a file name that selects this protocol ("nbd"); null for none.</summary>
    public virtual string? FileNamePrefix => null;

    /// <summary>True for every prefix of a file name that selects this protocol ("nbd", "nbd+unix").</summary>
    public virtual bool OpensPrefix(string prefix) => FileNamePrefix == prefix;

    /// <summary>What <c>create -o</c> accepts; empty where images cannot be created.</summary>
    public virtual IReadOnlyList<CreateOption> CreateOptions => [];

    /// <summary>True where the format records a backing file.</summary>
    public virtual bool SupportsBacking => false;

    /// <summary>True where images can hold compressed clusters.</summary>
    public virtual bool SupportsCompression => false;

    /// <summary>
    /// How sure the driver is that <paramref name="header"/> (the first bytes of a file, at most 2048) is its format:
    /// 0 not at all, 100 certain. Never throws on garbage.
    /// </summary>
    public virtual int Probe(ReadOnlySpan<byte> header, string fileName) => 0;

    /// <summary>
    /// How sure the driver is that a file name is a host device of its kind: 0 not at all. May look at the file
    /// system.
    /// </summary>
    public virtual int ProbeDevice(string fileName) => 0;

    /// <summary>
    /// Options that change what a node reads as (an encryption key, an offset), in the order of a "json:{}" name; a
    /// name that ends in a dot stands for all options below it. Where one is given, a plain file name no longer
    /// describes the node.
    /// </summary>
    public virtual IReadOnlyList<string> StrongOptions => [];

    /// <summary>Turns "prefix:rest" into options; only for drivers with a <see cref="FileNamePrefix"/>.</summary>
    /// <exception cref="BlockException">The name cannot be parsed.</exception>
    public virtual void ParseFileName(string fileName, OptionSet options) =>
        options["filename"] = FileNamePrefix is { } prefix ? FileNames.StripProtocol(fileName, prefix) : fileName;

    /// <summary>
    /// Fills <paramref name="changes"/>, the options given to a reopen, up with those the node has: the changes win.
    /// Drivers whose options exclude each other leave out what a change replaces.
    /// </summary>
    public virtual void JoinOptions(OptionSet changes, OptionSet current) => changes.Merge(current, overwrite: false);

    /// <summary>Opens a node.</summary>
    /// <exception cref="BlockException">The image or file cannot be opened; nothing stays open.</exception>
    public abstract ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation);

    /// <summary>Creates an image or file.</summary>
    /// <exception cref="BlockException">Not possible; what was created may remain.</exception>
    public virtual ValueTask CreateAsync(CreateRequest request, CancellationToken cancellation) =>
        throw BlockException.NotSupported($"Driver '{Name}' does not support image creation");

    /// <summary>Says how large a new image would be, without making it.</summary>
    /// <exception cref="BlockException">The options make no sense, the source cannot be read, or the driver does not
    /// know.</exception>
    public virtual ValueTask<ImageMeasure> MeasureAsync(
        MeasureRequest request, CancellationToken cancellation = default) =>
        throw BlockException.NotSupported($"Block driver '{Name}' does not support size measurement");
}
