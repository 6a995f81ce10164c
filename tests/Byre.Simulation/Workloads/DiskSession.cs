using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Simulation.Devices;
using Byre.Simulation.Model;

namespace Byre.Simulation.Workloads;

/// <summary>
/// An image that is open on simulated devices, and the reference disk that every request to it is entered in. Offsets
/// and lengths are sectors.
/// </summary>
internal sealed class DiskSession
{
    private readonly DiskStart _start;
    private readonly SimulatedDevice[] _devices;
    private readonly SessionSettings _settings;
    private int _writer;

    private DiskSession(DiskStart start, SessionSettings settings)
    {
        (_start, _settings) = (start, settings);
        _devices = [.. start.Devices.Select((content, number) =>
            new SimulatedDevice(content, Log, number, settings.Schedule)
            {
                DropsFlush = settings.DropsFlush,
                AlignmentBytes = start.Configuration.AlignmentBytes,
            })];
        Disk = new ReferenceDisk(start.Tags, start.Snapshots);
        Current = [.. start.Tags];
        foreach ((string name, ulong[] content) in start.Snapshots)
            Snapshots.Add((name, content));
    }

    public DeviceLog Log { get; } = new();

    public ReferenceDisk Disk { get; }

    /// <summary>Moments at which the guest was promised something.</summary>
    public List<int> Answers { get; } = [];

    public Qcow2Node Node { get; private set; } = null!;

    /// <summary>What the guest wrote last; right while requests are made one by one.</summary>
    public ulong[] Current { get; private set; }

    /// <summary>The snapshots that exist, oldest first, with their contents.</summary>
    public List<(string Name, ulong[] Content)> Snapshots { get; } = [];

    public DiskConfiguration Configuration => _start.Configuration;

    public static DiskSession Open(DiskStart start, SessionSettings settings)
    {
        var session = new DiskSession(start, settings);
        session.Node = Synchronous.Run(OpenNodeAsync(session._devices, start, settings, OpenFlags.ReadWrite));
        return session;
    }

    /// <summary>Opens the image that devices hold; they must complete at once.</summary>
    public static async ValueTask<Qcow2Node> OpenNodeAsync(
        SimulatedDevice[] devices, DiskStart start, SessionSettings settings, OpenFlags flags)
    {
        byte[] bytes = new byte[Math.Max(start.Configuration.ClusterBytes, 4096)];
        int there = Math.Min(bytes.Length, devices[0].Content.Length);
        devices[0].Content[..there].CopyTo(bytes);
        var context = new Qcow2OpenContext
        {
            Driver = devices[0].Driver,
            File = devices[0],
            DataFile = devices.Length > 1 ? devices[1] : null,
            Header = HeaderCodec.Parse(bytes),
            Flags = flags | OpenFlags.Unmap,
            Options = start.Configuration.MetadataOptions with
            {
                Rules = settings.Rules,
                Scheduler = settings.Scheduler,
            },
        };
        Qcow2Node node = await Qcow2Node.OpenAsync(context, CancellationToken.None).ConfigureAwait(false);
        if (start.Backing.Length > 0)
            node.ReplaceBacking(new SimulatedDevice(start.Backing));
        return node;
    }

    public long FileBytes => _devices[0].LengthBytes;

    public byte[][] DeviceContents() => [.. _devices.Select(static device => device.Content.ToArray())];

    public ValueTask WriteAsync(int sector, int count, bool compressed)
    {
        int writer = _writer++;
        ulong[] tags = new ulong[count];
        for (int i = 0; i < count; i++)
            tags[i] = SectorTag.Of(writer, sector + i);
        byte[] bytes = SectorTag.ToBytes(tags);
        return TrackAsync(
            Change(compressed ? "compressed" : "write", sector, tags),
            () => Node.WriteAsync(
                Bytes(sector), bytes, compressed ? RequestFlags.Compressed : RequestFlags.None));
    }

    public ValueTask ZeroAsync(int sector, int count, bool mayUnmap) => TrackAsync(
        Change(mayUnmap ? "zero+unmap" : "zero", sector, new ulong[count]),
        () => Node.WriteZeroesAsync(Range(sector, count), mayUnmap ? RequestFlags.MayUnmap : RequestFlags.None));

    public ValueTask DiscardAsync(int sector, int count) => TrackAsync(
        Change("discard", sector, new ulong[count]), () => Node.DiscardAsync(Range(sector, count)));

    public ValueTask FlushAsync() => TrackAsync(
        new GuestOperation("flush", Log.Tick()) { IsBarrier = true }, () => Node.FlushAsync());

    public async ValueTask CreateSnapshotAsync(string name)
    {
        ulong[] content = [.. Current];
        await TrackAsync(
            new GuestOperation($"create {name}", Log.Tick()) { IsBarrier = true, Creates = name },
            () => Node.CreateSnapshotAsync(new SnapshotInfo("", name))).ConfigureAwait(false);
        Snapshots.Add((name, content));
    }

    public async ValueTask DeleteSnapshotAsync(int index)
    {
        string name = Snapshots[index].Name;
        Snapshots.RemoveAt(index);
        string id = (await Node.GetImageInfoAsync().ConfigureAwait(false)).Snapshots
            .Single(snapshot => snapshot.Name == name).Id;
        await TrackAsync(
            new GuestOperation($"delete {name}", Log.Tick()) { IsBarrier = true, Deletes = name },
            () => Node.DeleteSnapshotAsync(id, name)).ConfigureAwait(false);
    }

    /// <summary>Whatever is going on, a snapshot that is there before and after is seen.</summary>
    public async ValueTask<string?> LookAtSnapshotsAsync()
    {
        string[] before = [.. Snapshots.Select(snapshot => snapshot.Name)];
        ImageInfo info = await Node.GetImageInfoAsync().ConfigureAwait(false);
        IEnumerable<string> stayed = before.Intersect(Snapshots.Select(snapshot => snapshot.Name));
        string? missing = stayed.Except(info.Snapshots.Select(snapshot => snapshot.Name)).FirstOrDefault();
        return missing is null ? null : $"snapshot {missing} is not seen";
    }

    public ValueTask ApplySnapshotAsync(int index)
    {
        (string name, ulong[] content) = Snapshots[index];
        ulong[] tags = new ulong[Math.Max(content.Length, Current.Length)];
        content.CopyTo(tags, 0);
        return TrackAsync(
            new GuestOperation($"apply {name}", Log.Tick())
            {
                IsBarrier = true,
                Tags = tags,
                Alternatives = Cut(tags, content.Length),
                SectorCount = content.Length,
            },
            () => Node.ApplySnapshotAsync(name));
    }

    public ValueTask ResizeAsync(int sectors)
    {
        int old = Current.Length;
        int first = Math.Min(old, sectors);
        ulong[] tags = new ulong[Math.Abs(sectors - old)];
        return TrackAsync(
            new GuestOperation($"resize {sectors}", Log.Tick())
            {
                IsBarrier = true,
                FirstSector = first,
                Tags = tags,
                Alternatives = sectors < old ? Cut(tags, 0, first) : null,
                SectorCount = sectors,
            },
            () => Node.TruncateAsync(new TruncateRequest(Bytes(sectors))));
    }

    /// <summary>Reads sectors and says which of them show what they cannot hold; null for none.</summary>
    public async ValueTask<string?> ReadAsync(int sector, int count)
    {
        int started = Log.Tick();
        byte[] bytes = new byte[Bytes(count)];
        await Node.ReadAsync(Bytes(sector), bytes).ConfigureAwait(false);
        DiskExpectation expectation = Disk.ToReader(started, Log.Tick());
        for (int i = 0; i < count; i++)
        {
            ulong tag = SectorTag.Read(bytes, i);
            if (!expectation.Allows(sector + i, tag))
                return $"a read of sector {sector + i} shows {tag:x}, not {expectation.Describe(sector + i)}";
        }

        return null;
    }

    /// <summary>The tags of the whole disk.</summary>
    public ulong[] ReadTags()
    {
        byte[] bytes = new byte[Node.LengthBytes];
        Synchronous.Run(Node.ReadAsync(0, bytes));
        ulong[] tags = new ulong[bytes.Length / SimulatedDevice.SectorBytes];
        for (int i = 0; i < tags.Length; i++)
            tags[i] = SectorTag.Read(bytes, i);
        return tags;
    }

    public ValueTask CloseAsync() => TrackAsync(
        new GuestOperation("close", Log.Tick()) { IsBarrier = true }, () => Node.DisposeAsync());

    private async ValueTask TrackAsync(GuestOperation operation, Func<ValueTask> request)
    {
        Disk.Add(operation);
        try
        {
            await request().ConfigureAwait(false);
        }
        catch (BlockException)
        {
            // One by one a refused request has changed nothing; half-way through a race, or with faults, it may have.
            operation.EndedAt = Log.Tick();
            operation.HasFailed = true;
            if (!_settings.KeepsFailed)
                Disk.Remove(operation);
            throw;
        }

        operation.EndedAt = Log.Tick();
        if (operation.IsBarrier)
            Answers.Add(operation.EndedAt);
        Enter(operation);
    }

    private void Enter(GuestOperation operation)
    {
        if (operation.SectorCount is { } sectors)
        {
            ulong[] resized = new ulong[sectors];
            Current.AsSpan(0, Math.Min(sectors, Current.Length)).CopyTo(resized);
            Current = resized;
        }

        for (int i = 0; i < operation.Tags.Length && operation.FirstSector + i < Current.Length; i++)
            Current[operation.FirstSector + i] = operation.Tags[i];
    }

    /// <summary>What is cut off may show the backing file until the size is gone.</summary>
    private ulong[] Cut(ulong[] tags, int keep, int firstSector = 0)
    {
        ulong[] alternatives = [.. tags];
        for (int i = keep; i < tags.Length; i++)
        {
            if (firstSector + i < Configuration.BackingSectors)
                alternatives[i] = SectorTag.OfBacking(firstSector + i);
        }

        return alternatives;
    }

    private GuestOperation Change(string name, int sector, ulong[] tags) =>
        new($"{name} {sector}+{tags.Length}", Log.Tick()) { FirstSector = sector, Tags = tags };

    private static long Bytes(int sectors) => sectors * (long)SimulatedDevice.SectorBytes;

    private static ByteRange Range(int sector, int count) => new(Bytes(sector), Bytes(count));
}
