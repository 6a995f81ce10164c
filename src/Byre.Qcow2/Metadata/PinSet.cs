namespace Byre.Qcow2.Metadata;

/// <summary>
/// The slices that a request keeps in memory between loading them and running its transaction. Bounded: a transaction
/// that walks far gives up its oldest pins. Not thread-safe; disposed once.
/// </summary>
/// <param name="tables">Where the slices belong.</param>
/// <param name="extraPins">Slices that the transaction needs all at once beyond <see cref="MaxPins"/>: with fewer pins
/// it would load them for ever, each in another's place.</param>
internal sealed class PinSet(ImageTables tables, int extraPins = 0) : IDisposable
{
    private const int MaxPins = 64;

    private readonly List<(SliceCache Cache, int Index)> _pins = [];

    /// <summary>Takes over a pin.</summary>
    public void Add(SliceCache cache, int index)
    {
        _pins.Add((cache, index));
        if (_pins.Count <= MaxPins + extraPins)
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
