namespace Byre.Conformance.Tests.Counts;

/// <summary>What a run of the program did to an image and its backing file.</summary>
internal sealed record CallCounts
{
    /// <summary>Writes of guest data.</summary>
    public int DataWrites { get; private set; }

    public int L2Writes { get; private set; }

    public int RefcountWrites { get; private set; }

    /// <summary>Writes of the header, the L1 table, the refcount table.</summary>
    public int OtherWrites { get; private set; }

    public long DataBytes { get; private set; }

    public long MetadataBytes { get; private set; }

    /// <summary>Reads of guest data from the backing file.</summary>
    public int BackingReads { get; private set; }

    /// <summary>Reads of guest data from the image.</summary>
    public int ImageReads { get; private set; }

    public int Syncs { get; private set; }

    /// <summary>fallocate and ftruncate.</summary>
    public int Allocations { get; private set; }

    public static CallCounts Of(IEnumerable<TracedCall> calls, string image, string? backing)
    {
        var counts = new CallCounts();
        var imageMap = new MetadataMap(image);
        MetadataMap? backingMap = backing is null ? null : new MetadataMap(backing);
        foreach (TracedCall call in calls)
        {
            if (call.Path == image)
                counts.Add(call, imageMap.KindOf(call.Offset));
            else if (call.Path == backing && call.IsRead && backingMap!.KindOf(call.Offset) == MetadataKind.None)
                counts.BackingReads++;
        }

        return counts;
    }

    private void Add(TracedCall call, MetadataKind kind)
    {
        if (call.IsWrite)
            AddWrite(call.Result, kind);
        else if (call.IsRead && kind == MetadataKind.None)
            ImageReads++;
        else if (call.IsSync)
            Syncs++;
        else if (call.Name is "fallocate" or "ftruncate")
            Allocations++;
    }

    private void AddWrite(long bytes, MetadataKind kind)
    {
        switch (kind)
        {
            case MetadataKind.None:
                DataWrites++;
                DataBytes += bytes;
                return;
            case MetadataKind.L2:
                L2Writes++;
                break;
            case MetadataKind.Refcount:
                RefcountWrites++;
                break;
            default:
                OtherWrites++;
                break;
        }

        MetadataBytes += bytes;
    }
}
