using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// What all parts of one check share: the file, the image's arithmetic, the places of the tables (which a repair may
/// change), the tally and the way findings are reported. Findings and tally belong to one thread at a time; reading
/// may be concurrent.
/// </summary>
internal sealed class CheckContext
{
    private readonly CheckOptions _options;
    private readonly Lock _progressLock = new();
    private long _metadataBytesRead;

    public CheckContext(BlockNode file, ImageHeader header, CheckOptions options, CancellationToken cancellation)
    {
        File = file;
        Header = header;
        Geometry = header.CreateGeometry();
        RefcountTable = header.RefcountTable;
        IncompatibleFeatures = header.IncompatibleFeatures;
        Cancellation = cancellation;
        _options = options;
    }

    public BlockNode File { get; }

    /// <summary>The header as it was when the check began.</summary>
    public ImageHeader Header { get; }

    public Geometry Geometry { get; }

    /// <summary>The features that the file declares now.</summary>
    public IncompatibleFeatures IncompatibleFeatures { get; set; }

    /// <summary>Where the refcount table lies now.</summary>
    public RefcountTableLocation RefcountTable { get; set; }

    /// <summary>The snapshots, once their table was read.</summary>
    public IReadOnlyList<SnapshotRecord> Snapshots { get; set; } = [];

    /// <summary>Where the snapshot table lies; empty before it was read.</summary>
    public TableExtent SnapshotTable { get; set; }

    public CheckReport Tally { get; } = new();

    public CancellationToken Cancellation { get; }

    public RepairMode Repair => _options.Repair;

    public bool RepairsErrors => _options.Repair == RepairMode.All;

    public int Parallelism => Math.Max(1, _options.Parallelism);

    /// <summary>Snapshots whose references are counted together, at most.</summary>
    public int MaxSnapshotGroup => _options.MaxSnapshotGroup;

    public int ClusterSize => Geometry.ClusterSize;

    /// <summary>Reports something that is no corruption by itself.</summary>
    public void Say(CheckFindingId id, string text) => _options.OnFinding?.Invoke(new CheckFinding(id, text));

    /// <summary>Reports something that the peer prints with its name before it.</summary>
    public void SayAsProgram(CheckFindingId id, string text) =>
        _options.OnFinding?.Invoke(new CheckFinding(id, text) { HasProgramPrefix = true });

    /// <summary>Reports and counts a corruption.</summary>
    public void Corrupt(CheckFindingId id, string text)
    {
        Tally.Corruptions++;
        Say(id, text);
    }

    /// <summary>Reports and counts a failure of the check itself.</summary>
    public void Fail(CheckFindingId id, string text)
    {
        Tally.CheckErrors++;
        Say(id, text);
    }

    /// <summary>Reads metadata; bytes beyond the end of the file are zeroes.</summary>
    /// <exception cref="BlockException">The file cannot be read, or the offset is none.</exception>
    public async ValueTask ReadAsync(HostOffset offset, Memory<byte> destination)
    {
        if (offset.Value < 0 || offset.Value > long.MaxValue - destination.Length)
            throw BlockException.FromErrno(Errno.InputOutput);
        Cancellation.ThrowIfCancellationRequested();
        int available = (int)Math.Clamp(File.LengthBytes - offset.Value, 0, destination.Length);
        destination.Span[available..].Clear();
        if (available > 0)
        {
            var inFile = new IoVector(destination[..available]);
            await File.ReadAsync(offset.Value, inFile, Cancellation).ConfigureAwait(false);
        }

        if (_options.Progress is null)
            return;
        lock (_progressLock)
        {
            _metadataBytesRead += destination.Length;
            _options.Progress.Report(_metadataBytesRead);
        }
    }

    /// <summary>
    /// Reads what the file has of a table that claims <paramref name="claimedBytes"/> bytes: the rest is zeroes, and
    /// memory is not spent on it.
    /// </summary>
    public async ValueTask<byte[]> ReadTableAsync(HostOffset offset, long claimedBytes)
    {
        if (offset.Value < 0)
            throw BlockException.FromErrno(Errno.InputOutput);
        byte[] table = new byte[Math.Clamp(File.LengthBytes - offset.Value, 0, claimedBytes)];
        await ReadAsync(offset, table).ConfigureAwait(false);
        return table;
    }

    /// <summary>Writes metadata. It is not stable before <see cref="BarrierAsync"/>.</summary>
    public ValueTask WriteAsync(HostOffset offset, Memory<byte> source) =>
        File.WriteAsync(offset.Value, new IoVector(source), cancellation: Cancellation);

    /// <summary>
    /// Gives the space of freed clusters back, as far as it lies in the file; their counts must be stable.
    /// </summary>
    public ValueTask DiscardAsync(ByteRange freed) =>
        File.DiscardAsync(freed.Intersect(new ByteRange(0, File.LengthBytes)), Cancellation);

    /// <summary>Returns when everything written so far is stable.</summary>
    public ValueTask BarrierAsync() => File.FlushAsync(Cancellation);
}
