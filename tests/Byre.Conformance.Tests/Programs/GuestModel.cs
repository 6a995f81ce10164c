namespace Byre.Conformance.Tests.Programs;

/// <summary>
/// What a guest has to see: the disk's bytes in memory, and those of its snapshots. It knows what the format
/// promises, and nothing of how it is kept. Not thread-safe.
/// </summary>
public sealed class GuestModel
{
    private readonly Dictionary<string, byte[]> _snapshots = new(StringComparer.Ordinal);
    private int _clusterBytes;
    private bool _keepsDiscarded;

    /// <param name="parameters">The image.</param>
    /// <param name="backing">The backing file's content; empty for none.</param>
    public GuestModel(ImageParameters parameters, byte[] backing)
    {
        Content = [];
        StartOver(parameters, backing);
    }

    /// <summary>The disk.</summary>
    public byte[] Content { get; private set; }

    /// <summary>The snapshots by name.</summary>
    public IReadOnlyDictionary<string, byte[]> Snapshots => _snapshots;

    /// <summary>Does a step that the tool said succeeded.</summary>
    public void Apply(GuestStep step)
    {
        switch (step)
        {
            case WriteStep write:
                Write(write);
                break;
            case ZeroStep zero:
                Content.AsSpan((int)zero.Offset, (int)zero.Length).Clear();
                break;
            case DiscardStep discard:
                Discard(discard);
                break;
            case ResizeStep resize:
                Content = Resized(Content, resize.SizeBytes);
                break;
            case SnapshotStep { Action: SnapshotAction.Create } create:
                _snapshots[create.Name] = (byte[])Content.Clone();
                break;
            case SnapshotStep { Action: SnapshotAction.Delete } delete:
                _snapshots.Remove(delete.Name);
                break;
            case SnapshotStep apply:
                Content = (byte[])_snapshots[apply.Name].Clone();
                break;
            case OverlayStep overlay:
                _snapshots.Clear();
                StartOver(overlay.Parameters, Content);
                break;
        }
    }

    private static byte[] Resized(byte[] content, long sizeBytes)
    {
        var resized = new byte[sizeBytes];
        content.AsSpan(0, (int)Math.Min(sizeBytes, content.Length)).CopyTo(resized);
        return resized;
    }

    private void StartOver(ImageParameters parameters, byte[] backing)
    {
        Content = Resized(backing, parameters.SizeBytes);
        _clusterBytes = parameters.ClusterBytes;

        // Version 2 has no zero clusters: dropping a cluster would show the backing file's old bytes.
        _keepsDiscarded = parameters.IsVersion2 && backing.Length > 0;
    }

    private void Write(WriteStep write)
    {
        Span<byte> range = Content.AsSpan((int)write.Offset, (int)write.Length);
        if (write.Pattern is { } value)
            range.Fill(value);
        else
            PatternFile.Fill(range);
    }

    /// <summary>Whole clusters read as zeroes, the disk's last one counts as whole; what is less is kept.</summary>
    private void Discard(DiscardStep discard)
    {
        if (_keepsDiscarded)
            return;
        long start = (discard.Offset + _clusterBytes - 1) / _clusterBytes * _clusterBytes;
        long end = discard.Offset + discard.Length;
        if (end != Content.Length)
            end = end / _clusterBytes * _clusterBytes;
        if (start < end)
            Content.AsSpan((int)start, (int)(end - start)).Clear();
    }
}
