namespace Byre.Qcow2.Metadata;

/// <summary>
/// The slices that a request keeps in memory between loading them and running its transaction. Bounded: a transaction
/// that walks far gives up its oldest pins. Not thread-safe; disposed once.
/// </summary>
internal sealed class PinSet(ImageTables tables) : IDisposable
{
    private const int MaxPins = 64;

    private readonly List<(SliceCache Cache, int Index)> _pins = [];

    /// <summary>Takes over a pin.</summary>
    public void Add(SliceCache cache, int index)
    {
        _pins.Add((cache, index));
        if (_pins.Count <= MaxPins)
            return;
        using MetadataScope scope = tables.Lock.Enter();
        _pins[0].Cache.Unpin(scope, _pins[0].Index);
        _pins.RemoveAt(0);
    }

    /// <summary>Gives every pin up.</summary>
    public void Release()
    {
        if (_pins.Count == 0)
            return;
        using MetadataScope scope = tables.Lock.Enter();
        foreach ((SliceCache cache, int index) in _pins)
            cache.Unpin(scope, index);
        _pins.Clear();
    }

    public void Dispose() => Release();
}
