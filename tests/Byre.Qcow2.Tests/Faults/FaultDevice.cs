using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>
/// A file whose calls fail as its clock says. It has a page cache, which readers see, and a disk. A flush brings the
/// one to the other; a flush that fails loses some of what it should have brought, for good, as kernels do: the next
/// flush succeeds and the readers notice nothing until the file is opened again. For one thread.
/// </summary>
internal sealed class FaultDevice : BlockNode, IFaultFile
{
    private const int SectorBytes = 512;

    private readonly FaultClock _clock;
    private FileBytes _cache;
    private readonly FileBytes _disk;
    private readonly List<Change> _pending = [];

    private readonly bool _flushesOnClose;

    public FaultClock Clock => _clock;

    private FaultDevice(byte[] content, FaultClock clock, bool flushesOnClose)
    {
        _clock = clock;
        _flushesOnClose = flushesOnClose;
        _cache = new FileBytes(content);
        _disk = new FileBytes(content);
        OpenedFlags = OpenFlags.ReadWrite | OpenFlags.Unmap;
    }

    /// <param name="content">What is on the disk.</param>
    /// <param name="clock">Says which calls fail.</param>
    /// <param name="flushesOnClose">Closing flushes what is left, as closing a file does.</param>
    public static FaultDevice Holding(byte[] content, FaultClock clock, bool flushesOnClose = false) =>
        new(content, clock, flushesOnClose);

    public BlockNode Node => this;

    public override BlockDriver Driver => new StubDriver();

    public override long LengthBytes => _cache.Length;

    public override bool HasZeroInitialisedGrowth => true;

    public override bool HasZeroInitialisation => true;

    public override bool WantsEvents => true;

    /// <summary>What is on the disk once the kernel has written back everything that no failed flush lost.</summary>
    public byte[] TakeDisk()
    {
        foreach (Change change in _pending)
            change.ApplyTo(_disk, null);
        _pending.Clear();
        return _disk.ToArray();
    }

    /// <summary>The page cache is dropped: what failed flushes lost shows now.</summary>
    public void Reopen()
    {
        _cache = new FileBytes(TakeDisk());
        IsOpen = true;
    }

    public bool IsOpen { get; private set; } = true;

    public bool IsDeleted { get; private set; }

    public override ValueTask DisposeAsync()
    {
        IsOpen = false;
        return _flushesOnClose && _pending.Count > 0 ? FlushCoreAsync(CancellationToken.None) : default;
    }

    public override ValueTask DeleteFileAsync()
    {
        IsDeleted = true;
        return default;
    }

    public override ValueTask ReachAsync(BlockEvent moment, CancellationToken cancellation = default)
    {
        _clock.Reach(moment);
        return default;
    }

    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        if (_clock.Fails(FaultCalls.Read, $"read 0x{offset:x}+0x{destination.Length:x}", needsSpace: false))
            throw _clock.MakeFailure();
        _cache.Read(offset, destination);
        return default;
    }

    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        byte[] bytes = new byte[source.Length];
        source.CopyTo(bytes);
        Perform(FaultCalls.Write, new Change(offset, bytes));
        return default;
    }

    protected override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        Perform(FaultCalls.WriteZeroes, new Change(range.Offset, new byte[range.Length]));
        return default;
    }

    protected override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        long inside = Math.Min(range.End, LengthBytes) - range.Offset;
        if (inside > 0)
            Perform(FaultCalls.Discard, new Change(range.Offset, new byte[inside]));
        return default;
    }

    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        Perform(FaultCalls.Truncate, new Change(request.LengthBytes, []));
        return default;
    }

    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        if (!_clock.Fails(FaultCalls.Flush, "flush", needsSpace: false))
        {
            TakeDisk();
            return default;
        }

        foreach (Change change in _pending)
            change.ApplyTo(_disk, _clock.Random);
        _pending.Clear();
        throw _clock.MakeFailure();
    }

    private void Perform(FaultCalls kind, Change change)
    {
        bool fails = _clock.Fails(kind, $"{kind} {change}", change.End > _cache.Length);
        if (fails && _clock.Fault.Effect == FaultEffect.Nothing)
            throw _clock.MakeFailure();
        if (fails && _clock.Fault.Effect == FaultEffect.Torn)
        {
            foreach (Change part in change.Tear(_clock.Random))
                Keep(part);
        }
        else
        {
            Keep(change);
        }

        if (fails)
            throw _clock.MakeFailure();
    }

    private void Keep(Change change)
    {
        change.ApplyTo(_cache, null);
        _pending.Add(change);
    }

    /// <summary>Bytes written, or where there are none a new length.</summary>
    private sealed record Change(long Offset, byte[] Bytes)
    {
        public long End => Offset + Bytes.Length;

        public void ApplyTo(FileBytes file, Random? losses)
        {
            if (Bytes.Length == 0)
            {
                file.Resize(Offset);
                return;
            }

            foreach (Change part in losses is null ? [this] : Tear(losses))
                file.Write(part.Offset, part.Bytes);
        }

        /// <summary>Some of the sectors.</summary>
        public IEnumerable<Change> Tear(Random random)
        {
            for (long at = Offset; at < End;)
            {
                long end = Math.Min((at / SectorBytes + 1) * SectorBytes, End);
                if (random.Next(2) == 0)
                    yield return new Change(at, Bytes[(int)(at - Offset)..(int)(end - Offset)]);
                at = end;
            }
        }

        public override string ToString() => Bytes.Length == 0 ? $"0x{Offset:x}" : $"0x{Offset:x}+0x{Bytes.Length:x}";
    }
}
