using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Io;
using Byre.Tests.Shared;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>
/// An open image on devices that fail, and what its guest may see. Each request is looked at as it ends: it fails
/// where, and only where, a storage call of its own failed, or a flush had failed before. For one thread.
/// </summary>
internal sealed class FaultBench
{
    private readonly FaultClock _clock;
    private readonly IFaultFile _file;
    private readonly IFaultFile? _data;
    private readonly BlockNode? _backing;
    private readonly DiskModel _model;
    private readonly Dictionary<string, FaultSnapshot> _snapshots;
    private readonly List<string> _log = [];
    private Qcow2Node? _node;
    private int _hitsBefore;

    public FaultBench(FaultImage image, FaultClock clock)
        : this(
            image,
            clock,
            FaultDevice.Holding(image.File, clock),
            image.Data is null ? null : FaultDevice.Holding(image.Data, clock))
    {
    }

    /// <param name="image">What is known of the image.</param>
    /// <param name="clock">Says which calls fail.</param>
    /// <param name="file">Holds the image's file.</param>
    /// <param name="data">Holds its data file; null without.</param>
    public FaultBench(FaultImage image, FaultClock clock, IFaultFile file, IFaultFile? data)
    {
        Geometry = image.Geometry;
        _clock = clock;
        _file = file;
        _data = data;
        _model = image.Model.Copy();
        _snapshots = new Dictionary<string, FaultSnapshot>(image.Snapshots);
        _backing = Geometry.OpenBacking();
    }

    public FaultGeometry Geometry { get; }

    public int ClusterBytes => Geometry.ClusterBytes;

    /// <summary>
    /// True once a flush of the device has failed: nothing may be changed until the image is opened anew.
    /// </summary>
    public bool IsPoisoned => _clock.Hits.Skip(_hitsBefore).Any(hit => hit.Kind == FaultCalls.Flush);

    /// <summary>What happened, for failures.</summary>
    public string Log => string.Join("; ", _log);

    private Qcow2Node Node => _node!;

    /// <summary>Opens the image; the clock does not run.</summary>
    public void Open()
    {
        bool ran = _clock.IsRunning;
        _clock.IsRunning = false;
        _hitsBefore = _clock.Hits.Count;
        _file.Reopen();
        _data?.Reopen();
        FaultVerifier.RepairIfDirty(_file.Node);
        _node = EngineHarness.Run(OpenNodeAsync(_file.Node, _data?.Node, Geometry));
        _node.ReplaceBacking(_backing);
        byte[] content = ReadQuietly();
        string? loss = _model.FindLoss(content);
        Assert.True(loss is null, $"opened again: {loss}; {Log}");
        _model.Settle(content);
        _clock.IsRunning = ran;
    }

    public void Write(int offset, int length, byte value, RequestFlags flags = RequestFlags.None)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        // Compressed data that is not small fills host clusters and reaches over their borders.
        if ((flags & RequestFlags.Compressed) != 0)
            new Random(value).NextBytes(bytes.AsSpan(0, length * 3 / 4));
        Step(
            $"write {flags} 0x{offset:x}+0x{length:x} {value}",
            () => Node.WriteAsync(offset, bytes, flags),
            isCertain => _model.Write(offset, bytes, isCertain));
    }

    public void Zero(int offset, int length, RequestFlags flags = RequestFlags.None) => Step(
        $"zero {flags} 0x{offset:x}+0x{length:x}",
        () => Node.WriteZeroesAsync(new ByteRange(offset, length), flags),
        isCertain => _model.Fill(offset, length, 0, isCertain));

    public void Discard(int offset, int length) => Step(
        $"discard 0x{offset:x}+0x{length:x}",
        () => Node.DiscardAsync(new ByteRange(offset, length)),
        isCertain => _model.Fill(offset, length, 0, isCertain));

    public void Flush() => Step("flush", () => Node.FlushAsync(), isCertain =>
    {
        if (isCertain)
            _model.Flushed();
    });

    /// <summary>Reads everything, in pieces of one and a half clusters.</summary>
    public void Read()
    {
        if (_node is null)
            Open();
        byte[] content = new byte[Node.LengthBytes];
        int piece = ClusterBytes * 3 / 2;
        bool isRead = true;
        for (int at = 0; at < content.Length; at += piece)
        {
            Memory<byte> destination = content.AsMemory(at, Math.Min(piece, content.Length - at));
            int offset = at;
            Step($"read 0x{at:x}", () => Node.ReadAsync(offset, destination), isCertain => isRead &= isCertain);
        }

        string? wrong = isRead ? _model.FindWrong(content) : null;
        Assert.True(wrong is null, $"read: {wrong}; {Log}");
    }

    public void SaveVmState(int length) => Step(
        $"vm state {length}",
        () => Node.SaveVmStateAsync(0, new byte[length]),
        _ => { });

    public void CreateSnapshot(string name)
    {
        byte[] content = ReadQuietly();
        Step(
            $"snapshot create {name}",
            () => Node.CreateSnapshotAsync(new SnapshotInfo("", name)),
            isCertain =>
            {
                _snapshots[name] = new FaultSnapshot(content, isCertain);
                if (isCertain)
                    _model.Flushed();
            });
    }

    public void ApplySnapshot(string name)
    {
        if (!_snapshots.TryGetValue(name, out FaultSnapshot? snapshot) || !snapshot.IsCertain)
            return;
        Step(
            $"snapshot apply {name}",
            () => Node.ApplySnapshotAsync(name),
            isCertain =>
            {
                if (isCertain)
                    _model.Settle([.. snapshot.Content]);
                else
                    _model.Write(0, snapshot.Content, isCertain: false);
            });
    }

    public void DeleteSnapshot(string name)
    {
        if (!_snapshots.TryGetValue(name, out FaultSnapshot? snapshot) || !snapshot.IsCertain)
            return;
        string id = "";
        Quietly(async () => id = (await Node.GetImageInfoAsync()).Snapshots.First(known => known.Name == name).Id);
        Step(
            $"snapshot delete {name}",
            () => Node.DeleteSnapshotAsync(id, name),
            isCertain =>
            {
                if (isCertain)
                    _snapshots.Remove(name);
                else
                    _snapshots[name] = snapshot with { IsCertain = false };
            });
    }

    public void Resize(int bytes, PreallocationMode preallocation = PreallocationMode.Off) => Step(
        $"resize {bytes} {preallocation}",
        () => Node.TruncateAsync(new TruncateRequest(bytes) { Preallocation = preallocation }),
        isCertain =>
        {
            if (isCertain)
            {
                _model.Flushed();
                _model.Resize(bytes);
            }
            else
            {
                _model.ForgetFrom(Math.Min(bytes, (int)Node.LengthBytes));
            }
        });

    /// <summary>Closes the image while the clock runs.</summary>
    public void Close() => Step("close", async () => await Node.DisposeAsync(), isCertain =>
    {
        _node = null;
        if (isCertain)
            _model.Flushed();
    });

    /// <summary>Forgets the open image, as a process that dies.</summary>
    public void Abandon() => _node = null;

    /// <summary>Reads all through the handle that has seen the fault; everything has to be there.</summary>
    public void VerifyOpen()
    {
        if (_node is null)
            return;
        string? wrong = _model.FindWrong(ReadQuietly());
        Assert.True(wrong is null, $"the open image: {wrong}; {Log}");
    }

    /// <summary>Closes an image whose faults are over. After a failed flush that cannot succeed.</summary>
    public void CloseQuietly()
    {
        if (_node is null)
            return;
        _clock.IsRunning = false;
        try
        {
            EngineHarness.Run(Node.DisposeAsync());
            Assert.False(IsPoisoned, $"closed after a failed flush as if nothing were lost; {Log}");
            _model.Flushed();
        }
        catch (BlockException failure)
        {
            Assert.True(IsPoisoned, $"close failed: {failure.Message}; {Log}");
        }

        _node = null;
    }

    /// <summary>What is on the disks now.</summary>
    public FaultImage TakeImage() => new(Geometry, _file.TakeDisk(), _data?.TakeDisk(), _model, _snapshots);

    internal static async ValueTask<Qcow2Node> OpenNodeAsync(BlockNode file, BlockNode? data, FaultGeometry geometry)
    {
        byte[] header = new byte[geometry.ClusterBytes];
        await file.ReadAsync(0, header);
        int sliceBytes = geometry.ClusterBytes <= 4096 ? 512 : 4096;
        return await Qcow2Node.OpenAsync(
            new Qcow2OpenContext
            {
                Driver = new StubDriver(),
                File = file,
                DataFile = data,
                Header = HeaderCodec.Parse(header),
                Flags = OpenFlags.ReadWrite | OpenFlags.Unmap | OpenFlags.Resize,
                Options = new MetadataOptions
                {
                    L2SliceBytes = sliceBytes,
                    L2Slices = 2,
                    RefcountSliceBytes = sliceBytes,
                    RefcountSlices = 4,
                    CompressedCacheClusters = geometry.CompressedCacheClusters,
                    LazyRefcounts = geometry.LazyRefcounts,
                    PassDiscardRequest = true,
                    PassDiscardOther = true,
                },
            },
            CancellationToken.None);
    }

    /// <summary>Runs a request and looks at its end.</summary>
    /// <param name="name">For failures.</param>
    /// <param name="request">The request.</param>
    /// <param name="note">Tells the model: certainly done, or perhaps.</param>
    public void Step(string name, Func<ValueTask> request, Action<bool> note)
    {
        if (_node is null)
            Open();
        int hits = _clock.Hits.Count;
        bool wasPoisoned = IsPoisoned;
        BlockException? failure = null;
        FaultDiagnostics.Lines.Value = [];
        try
        {
            EngineHarness.Run(request());
        }
        catch (BlockException thrown)
        {
            failure = thrown;
        }

        string[] own = [.. _clock.Hits.Skip(hits).Select(hit => $"{hit.What}")];
        _log.Add($"{name}: {failure?.Message ?? "done"}{(own.Length > 0 ? $" [{string.Join(", ", own)}]" : "")}");
        _log.AddRange(FaultDiagnostics.Lines.Value);
        note(failure is null);
        if (failure is null)
        {
            Assert.True(!wasPoisoned || name == "close" || own.Length > 0, $"succeeded after a failed flush: {Log}");
            Assert.True(own.Length == 0 || MayBeSwallowed(hits), $"the error was swallowed: {Log}");
        }
        else
        {
            Assert.True(own.Length > 0 || wasPoisoned, $"failed without a reason: {Log}\n{failure}");
            Assert.True(
                failure.Errno == _clock.Fault.Error, $"failed with another error than the storage's: {Log}\n{failure}");
        }
    }

    /// <summary>
    /// Errors that need not reach the request: of a hole that could not be punched; of what only lowers counts after a
    /// flush (reported, and a leak at worst); of a full device, where freed clusters were made available instead.
    /// </summary>
    private bool MayBeSwallowed(int firstHit) =>
        FaultDiagnostics.Lines.Value!.Any(
            line => line.StartsWith("qcow2_free_clusters", StringComparison.Ordinal) ||
                line.StartsWith("warning: ", StringComparison.Ordinal)) ||
        _clock.Fault.Error == Errno.NoSpace ||
        _clock.Hits.Skip(firstHit).All(hit => hit.Kind is FaultCalls.Discard);

    private byte[] ReadQuietly()
    {
        if (_node is null)
            Open();
        byte[] content = new byte[Node.LengthBytes];
        Quietly(() => Node.ReadAsync(0, content));
        return content;
    }

    private void Quietly(Func<ValueTask> request)
    {
        bool ran = _clock.IsRunning;
        _clock.IsRunning = false;
        EngineHarness.Run(request());
        _clock.IsRunning = ran;
    }
}
