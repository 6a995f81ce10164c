using System.Numerics;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Fuzz.Engine;
using Byre.Fuzz.Images;
using Byre.Qcow2.Check;

namespace Byre.Fuzz.Actions;

/// <content>The steps.</content>
internal sealed partial class ImageCaseRunner
{
    private const int MaxReadBytes = 1 << 20;
    private const int MaxStatusSteps = 400;

    private void Take(FuzzStep step)
    {
        var random = new FuzzRandom(step.Seed);
        switch (step.Kind)
        {
            case StepKind.Open:
                Close();
                Open(random);
                break;
            case StepKind.Close:
                Close();
                break;
            case StepKind.RepairLeaks:
                Close();
                RepairAndVerify(RepairMode.Leaks);
                break;
            case StepKind.RepairAll:
                Close();
                RepairAndVerify(RepairMode.All);
                break;
            case StepKind.Info or StepKind.Map or StepKind.Check or StepKind.Read or StepKind.ReadAll:
            case StepKind.SnapshotLoad:
                if (_node is not null)
                    Inspect(step.Kind, _node, random);
                break;
            default:
                if (_node is { IsReadOnly: false } node && (node.OpenedFlags & OpenFlags.Check) == 0)
                    Change(step.Kind, node, random);
                break;
        }
    }

    private void Open(FuzzRandom random)
    {
        OpenFlags flags = random.Next(12) switch
        {
            0 or 1 => OpenFlags.None,
            2 => OpenFlags.Check,
            3 => OpenFlags.NoDataIo | OpenFlags.NoBacking,
            4 => OpenFlags.ReadWrite | OpenFlags.NoBacking,
            _ => OpenFlags.ReadWrite,
        };
        if (!random.OneIn(3))
            flags |= OpenFlags.Unmap;
        var options = new OptionSet();
        if (random.OneIn(3))
            options["l2-cache-size"] = "1024";
        if (random.OneIn(4))
            options["l2-cache-entry-size"] = "512";
        if (random.OneIn(6))
            options["compressed-cache-size"] = random.Pick<string>(["0", "2M", "4M"]);
        if (random.OneIn(6))
            options["overlap-check"] = random.Pick<string>(["none", "constant", "cached", "all"]);
        if (random.OneIn(8))
            options["pass-discard-other"] = "on";
        if (random.OneIn(12))
            options["discard-no-unref"] = "on";
        if (random.OneIn(12))
            options["lazy-refcounts"] = random.Pick<string>(["on", "off"]);
        _node = FuzzImage.Open(new FuzzStorage(_image), flags, options, hasOthers: !random.OneIn(8));
        if ((flags & OpenFlags.NoBacking) != 0 || _node.File is null)
            _model.Forget();
    }

    private void Close()
    {
        if (_node is null)
            return;
        BlockNode node = _node;
        _node = null;
        var storage = (FuzzStorage)node.File!;
        Wait(node.DisposeAsync());
        _result.AddFeature((ulong)BitOperations.Log2((uint)storage.Requests) + 1000);
    }

    private void Inspect(StepKind kind, BlockNode node, FuzzRandom random)
    {
        switch (kind)
        {
            case StepKind.Info:
                Wait(node.GetImageInfoAsync());
                Wait(node.GetAllocatedBytesAsync());
                break;
            case StepKind.Map:
                Map(node);
                break;
            case StepKind.Check:
                if (node.IsReadOnly || (node.OpenedFlags & OpenFlags.Check) == 0)
                    Check(node, RepairMode.None, NoteFinding);
                break;
            case StepKind.Read:
                Read(node, PickRange(node, random));
                break;
            case StepKind.ReadAll:
                ReadAll(node);
                break;
            default:
                if (node.IsReadOnly && (node.OpenedFlags & (OpenFlags.Check | OpenFlags.NoDataIo)) == 0)
                    LoadSnapshot(node, random);
                break;
        }
    }

    private static void LoadSnapshot(BlockNode node, FuzzRandom random)
    {
        if (Wait(((ISnapshotSource)node).LoadSnapshotAsync(random.Pick<string>(["1", "2"]), null)))
            ReadAll(node);
    }

    private static void Map(BlockNode node)
    {
        long offset = 0;
        for (int i = 0; i < MaxStatusSteps && offset < node.LengthBytes; i++)
        {
            BlockExtent extent = Wait(node.GetStatusAsync(ByteRange.FromEnd(offset, node.LengthBytes)));
            if (extent.Length <= 0 || extent.Range.Offset != offset)
                throw new InvalidOperationException($"a status of {extent.Length} bytes at {offset}");
            offset = extent.Range.End;
        }
    }

    private static void Read(BlockNode node, ByteRange range)
    {
        if ((node.OpenedFlags & OpenFlags.NoDataIo) == 0)
            Wait(node.ReadAsync(range.Offset, new byte[range.Length]));
    }

    /// <summary>Reads the disk from both ends, as far as that is bounded.</summary>
    private static void ReadAll(BlockNode node)
    {
        long length = node.LengthBytes;
        Read(node, new ByteRange(0, Math.Min(length, MaxReadBytes)));
        long tail = Math.Max(0, length - 4096);
        Read(node, ByteRange.FromEnd(tail, length));
    }

    private void Change(StepKind kind, BlockNode node, FuzzRandom random)
    {
        switch (kind)
        {
            case StepKind.Write:
                Write(node, PickRange(node, random), RequestFlags.None, random);
                break;
            case StepKind.WriteCompressed:
                int cluster = Wait(node.GetImageInfoAsync()).ClusterSizeBytes;
                long clusters = node.LengthBytes / cluster;
                if (clusters > 0)
                    Write(
                        node, new ByteRange(random.NextSkewed(clusters) * cluster, cluster), RequestFlags.Compressed,
                        random);
                break;
            case StepKind.WriteZeroes:
                WriteZeroes(node, PickRange(node, random), random);
                break;
            case StepKind.Discard:
                Wait(node.DiscardAsync(PickRange(node, random)));
                _model.Load(node, onlyIfKnown: true);
                break;
            case StepKind.Resize:
                Resize(node, random);
                break;
            case StepKind.Flush:
                Wait(node.FlushAsync());
                break;
            case StepKind.ChangeBacking:
                if (random.OneIn(4))
                {
                    // The node keeps its backing file; who opens the image later gets the other one.
                    Wait(node.ChangeBackingFileAsync(random.OneIn(2) ? null : "other.raw", "raw"));
                    _model.Forget();
                }

                break;
            case StepKind.Reopen:
                Reopen(node, random);
                break;
            default:
                ChangeSnapshots(kind, node, random);
                break;
        }
    }

    private void Write(BlockNode node, ByteRange range, RequestFlags flags, FuzzRandom random)
    {
        byte[] bytes = new byte[range.Length];
        byte pattern = (byte)random.Next(256);
        for (int i = 0; i < bytes.Length; i += 64)
            bytes.AsSpan(i, Math.Min(64, bytes.Length - i)).Fill((byte)(pattern + (i >> 9)));
        Wait(node.WriteAsync(range.Offset, bytes, flags));
        if (_model.IsKnown)
            _model.Write(range.Offset, bytes);
    }

    private void WriteZeroes(BlockNode node, ByteRange range, FuzzRandom random)
    {
        Wait(node.WriteZeroesAsync(range, random.OneIn(2) ? RequestFlags.MayUnmap : RequestFlags.None));
        if (_model.IsKnown)
            _model.Write(range.Offset, new byte[range.Length]);
    }

    private void Resize(BlockNode node, FuzzRandom random)
    {
        long length = node.LengthBytes;
        PreallocationMode mode = PreallocationMode.Off;
        long wanted;
        switch (random.Next(6))
        {
            case 0:
                // Over a backing file every new cluster is made to read as zeroes, one by one.
                wanted = length + random.NextSkewed(node.Backing is null ? 1L << 40 : 1 << 20);
                break;
            case 1 or 2:
                wanted = random.NextLong(length + 1);
                break;
            case 3:
                wanted = length + random.Next(1 << 17);
                mode = random.Pick<PreallocationMode>(
                    [PreallocationMode.Metadata, PreallocationMode.Falloc, PreallocationMode.Full]);
                break;
            default:
                wanted = length + random.Next(1 << 18);
                break;
        }

        if (wanted < 0)
            return;
        Wait(node.TruncateAsync(new TruncateRequest(wanted & -512) { Preallocation = mode }));
        _model.Load(node, onlyIfKnown: true);
    }

    private static void Reopen(BlockNode node, FuzzRandom random)
    {
        var options = new OptionSet { ["l2-cache-size"] = random.Pick<string>(["1024", "65536", "1M"]) };
        OpenFlags flags = random.OneIn(3) ? node.OpenedFlags & ~OpenFlags.ReadWrite : node.OpenedFlags;
        Wait(node.ReopenAsync(options, flags));
    }

    private void ChangeSnapshots(StepKind kind, BlockNode node, FuzzRandom random)
    {
        var store = (ISnapshotStore)node;
        IReadOnlyList<SnapshotInfo> snapshots = Wait(node.GetImageInfoAsync()).Snapshots;
        if (kind == StepKind.SnapshotCreate)
        {
            Wait(store.CreateSnapshotAsync(new SnapshotInfo("", "new") { DateSeconds = 1 }));
        }
        else if (snapshots.Count > 0)
        {
            SnapshotInfo snapshot = random.Pick(snapshots);
            if (kind == StepKind.SnapshotApply)
                Wait(store.ApplySnapshotAsync(snapshot.Id));
            else
                Wait(store.DeleteSnapshotAsync(snapshot.Id, snapshot.Name));
            if (kind == StepKind.SnapshotApply)
                _model.Load(node, onlyIfKnown: true);
        }
    }

    /// <summary>A range of the disk: near its start, its end or anywhere, often on clusters.</summary>
    private static ByteRange PickRange(BlockNode node, FuzzRandom random)
    {
        long length = node.LengthBytes;
        long offset = random.Next(4) switch
        {
            0 => Math.Max(0, length - random.Next(1 << 17)),
            1 => random.NextLong(length + 1),
            _ => random.NextSkewed(Math.Max(1, Math.Min(length, 1 << 20))),
        };
        long count = random.NextSkewed(1 << 17);
        if (random.OneIn(2))
            (offset, count) = (offset & -512, count & -512);
        offset = Math.Min(offset, length);
        return ByteRange.FromEnd(offset, Math.Min(offset + count, length));
    }
}
