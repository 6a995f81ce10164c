using Byre.Conformance.Tests.Tools;

namespace Byre.Conformance.Tests.Programs;

/// <summary>Makes programs from seeds: the same seed and features, the same program.</summary>
public sealed class ProgramGenerator
{
    private const int SectorBytes = 512;
    private const int MaxSizeBytes = 12 << 20;

    private static readonly string[] Preallocations = ["metadata", "falloc", "full"];

    private readonly Random _random;
    private readonly PeerFeatures _features;
    private readonly List<(string Name, long SizeBytes)> _snapshots = [];
    private ImageParameters _image;
    private long _size;
    private bool _hasBacking;
    private byte _pattern;
    private int _snapshotNumber;

    private ProgramGenerator(int seed, PeerFeatures features)
    {
        _random = new Random(seed);
        _features = features;
        _image = MakeParameters(withBacking: true);
        _size = _image.SizeBytes;
        _hasBacking = _image.BackingFormat is not null;
    }

    /// <summary>The program of a seed.</summary>
    public static GuestProgram Generate(int seed, PeerFeatures features)
    {
        var generator = new ProgramGenerator(seed, features);
        ImageParameters start = generator._image;
        var phases = new List<IReadOnlyList<GuestStep>>();
        for (int i = generator._random.Next(2, 4); i > 0; i--)
            phases.Add(generator.MakePhase());
        return new GuestProgram(seed, start, phases);
    }

    private ImageParameters MakeParameters(bool withBacking)
    {
        int cluster = 512 << _random.Next(13);
        bool version2 = OneIn(5);
        bool extended = _features.HasExtendedL2 && !version2 && cluster >= 16384 && OneIn(2);
        long size = MakeSize(cluster);
        bool dataFile = withBacking && !version2 && OneIn(8);
        var parameters = new ImageParameters
        {
            SizeBytes = size,
            ClusterBytes = cluster,
            IsVersion2 = version2,
            HasExtendedL2 = extended,
            RefcountBits = version2 || OneIn(2) ? 16 : 1 << _random.Next(7),
            HasLazyRefcounts = !version2 && OneIn(6),
            UsesZstd = _features.HasZstd && !version2 && OneIn(3),
            HasDataFile = dataFile,
        };
        if (!withBacking || OneIn(2))
            return parameters with { PreallocatesMetadata = OneIn(10) };
        return parameters with
        {
            BackingFormat = OneIn(2) ? "raw" : "qcow2",
            BackingBytes = OneIn(3) ? size : MakeSize(cluster),
        };
    }

    private long MakeSize(int cluster)
    {
        long clusters = Math.Min(_random.Next(1, 200), Math.Max(3, MaxSizeBytes / cluster));
        long size = clusters * cluster;
        if (OneIn(3))
            size = Math.Max(SectorBytes, size - (SectorBytes * (long)_random.Next(cluster / SectorBytes)));
        return Math.Min(size, MaxSizeBytes);
    }

    private List<GuestStep> MakePhase()
    {
        var steps = new List<GuestStep>();
        for (int i = _random.Next(4, 20); i > 0; i--)
            AddStep(steps);
        return steps;
    }

    private void AddStep(List<GuestStep> steps)
    {
        switch (_random.Next(30))
        {
            case < 9:
                AddWrite(steps, WriteKind.Plain);
                break;
            case < 10:
                AddWrite(steps, WriteKind.ForceUnitAccess);
                break;
            case < 12:
                AddWrite(steps, WriteKind.Asynchronous);
                break;
            case < 15:
                AddCompressedWrite(steps);
                break;
            case < 18:
                (long zeroOffset, long zeroLength) = MakeRange();
                steps.Add(new ZeroStep(zeroOffset, zeroLength, OneIn(2)));
                break;
            case < 21:
                steps.Add(MakeDiscard());
                break;
            case < 22:
                steps.Add(new BarrierStep("flush"));
                break;
            case < 24:
                steps.Add(new ReopenStep());
                break;
            case < 26:
                AddResize(steps);
                break;
            case < 29:
                AddSnapshot(steps);
                break;
            default:
                AddOverlay(steps);
                break;
        }
    }

    private void AddWrite(List<GuestStep> steps, WriteKind kind)
    {
        (long offset, long length) = MakeRange();
        byte? pattern = OneIn(3) && kind != WriteKind.Asynchronous ? null : NextPattern();
        steps.Add(new WriteStep(offset, length, pattern, kind));
        if (kind == WriteKind.Asynchronous)
        {
            // More of them beside it are in flight together; they do not overlap, or the result would be undefined.
            for (int i = _random.Next(1, 8); i > 0 && offset + length < _size; i--)
            {
                offset += length;
                length = Math.Min(_size - offset, 1 + _random.NextInt64(length + 1));
                steps.Add(new WriteStep(offset, length, NextPattern(), kind));
            }

            steps.Add(new BarrierStep("aio_flush"));
        }
        else if (pattern is { } value && OneIn(4))
        {
            steps.Add(new ReadStep(offset, length, value));
        }
    }

    private void AddCompressedWrite(List<GuestStep> steps)
    {
        if (_image.HasDataFile)
            return;
        long cluster = _random.NextInt64((_size + _image.ClusterBytes - 1) / _image.ClusterBytes);
        long offset = cluster * _image.ClusterBytes;
        long length = Math.Min(_image.ClusterBytes, _size - offset);
        steps.Add(new WriteStep(offset, length, OneIn(4) ? null : NextPattern(), WriteKind.Compressed));
    }

    private void AddResize(List<GuestStep> steps)
    {
        // A version 2 image with snapshots cannot be resized, as no snapshot there remembers its size. Over a backing
        // file the peer cannot grow one either, having no zero clusters to hide it with; we can.
        if (_image.IsVersion2 && (_snapshots.Count > 0 || _hasBacking))
            return;
        long size = MakeSize(_image.ClusterBytes);
        if (size == _size)
            return;
        // Over a backing file falloc and full leave allocated zero clusters here and data clusters in the peer: both
        // read as zeroes, but their maps differ.
        int modes = _hasBacking ? 1 : Preallocations.Length;
        string preallocation = size < _size || OneIn(2) ? "off" : Preallocations[_random.Next(modes)];
        steps.Add(new ResizeStep(size, preallocation));
        _size = size;
    }

    private void AddSnapshot(List<GuestStep> steps)
    {
        // With one bit a reference count cannot say "two"; an external data file cannot be shared.
        if (_image.HasDataFile || _image.RefcountBits == 1)
            return;
        if (_snapshots.Count == 0 || OneIn(2))
        {
            string name = $"s{++_snapshotNumber}";
            _snapshots.Add((name, _size));
            steps.Add(new SnapshotStep(SnapshotAction.Create, name));
            return;
        }

        int index = _random.Next(_snapshots.Count);
        if (OneIn(2))
        {
            steps.Add(new SnapshotStep(SnapshotAction.Delete, _snapshots[index].Name));
            _snapshots.RemoveAt(index);
        }
        else
        {
            steps.Add(new SnapshotStep(SnapshotAction.Apply, _snapshots[index].Name));
            _size = _snapshots[index].SizeBytes;
        }
    }

    private void AddOverlay(List<GuestStep> steps)
    {
        if (_image.HasDataFile)
            return;
        _hasBacking = true;
        _image = MakeParameters(withBacking: false) with { PreallocatesMetadata = false };
        if (OneIn(2))
            _image = _image with { SizeBytes = _size };
        _size = _image.SizeBytes;
        _snapshots.Clear();
        steps.Add(new OverlayStep(_image));
    }

    /// <summary>A range inside the disk: any bytes, whole sectors, or whole clusters.</summary>
    /// <summary>Anywhere; but of subclusters only Byre discards less than all that a cluster has.</summary>
    private DiscardStep MakeDiscard()
    {
        (long offset, long length) = MakeRange();
        if (!_image.HasExtendedL2)
            return new DiscardStep(offset, length);
        long cluster = _image.ClusterBytes;
        long start = offset / cluster * cluster;
        long end = Math.Min(_size, (offset + length + cluster - 1) / cluster * cluster);
        return new DiscardStep(start, end - start);
    }

    private (long Offset, long Length) MakeRange()
    {
        int unit = _random.Next(4) switch { 0 => 1, 1 => SectorBytes, 2 => Math.Max(
            SectorBytes, _image.ClusterBytes / 32), _ => _image.ClusterBytes };
        long longest = Math.Max(1, OneIn(8) ? _size : Math.Min(_size, 3L * _image.ClusterBytes));
        long offset = _random.NextInt64(_size) / unit * unit;
        long length = Math.Max(1, (_random.NextInt64(longest) + 1 + unit - 1) / unit) * unit;
        return (offset, Math.Min(length, _size - offset));
    }

    private byte NextPattern()
    {
        _pattern = (byte)(_pattern % 255 + 1);
        return _pattern;
    }

    private bool OneIn(int count) => _random.Next(count) == 0;
}
