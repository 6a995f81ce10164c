namespace Byre.Qcow2.Metadata;

/// <summary>The bookkeeping of one slice in a <see cref="SliceCache"/>.</summary>
internal struct SliceEntry
{
    /// <summary>Where the slice lies in the file.</summary>
    public long Offset;

    /// <summary>The next entry of the same bucket, or the next free one.</summary>
    public int Next;

    /// <summary>Neighbours in the order of use.</summary>
    public int Older;
    public int Newer;

    public int Pins;

    /// <summary>The <see cref="SliceIndex.Generation"/> in which it was last used.</summary>
    public int Generation;

    public SliceState State;
    public bool IsDirty;
    public bool IsWriting;

    /// <summary>Its table was freed while a copy of it was being written.</summary>
    public bool IsDropped;

    /// <summary>Its memory was touched since it was last given back; also of free entries.</summary>
    public bool HasMemory;

    public List<TaskCompletionSource>? Waiters;

    /// <summary>True where nothing but its place would be lost with it.</summary>
    public readonly bool IsEvictable => this is { State: SliceState.Ready, Pins: 0, IsDirty: false, IsWriting: false };
}
