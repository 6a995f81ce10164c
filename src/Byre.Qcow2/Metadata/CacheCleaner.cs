namespace Byre.Qcow2.Metadata;

/// <summary>
/// Drops what the caches of an image have not used for an interval, again and again (the option
/// <c>cache-clean-interval</c>): a slice goes between one and two intervals after its last use. Disposed before the
/// caches; nothing runs afterwards.
/// </summary>
internal sealed class CacheCleaner : IDisposable
{
    /// <summary>Longer ones are more than a timer can wait for.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(49);

    private readonly ImageTables _tables;
    private ITimer? _timer;
    private bool _isDisposed;

    public CacheCleaner(ImageTables tables)
    {
        _tables = tables;
        Restart();
    }

    /// <summary>Begins anew with the interval that the options have now.</summary>
    public void Restart()
    {
        _timer?.Dispose();
        _timer = null;
        TimeSpan interval = _tables.Options.CacheCleanInterval;
        if (interval == TimeSpan.Zero)
            return;
        if (interval > s_longest)
            interval = s_longest;
        _timer = _tables.Options.Clock.CreateTimer(
            static state => ((CacheCleaner)state!).Clean(), this, interval, interval);
    }

    public void Dispose()
    {
        _timer?.Dispose();
        using MetadataScope scope = _tables.Lock.Enter();
        _isDisposed = true;
    }

    private void Clean()
    {
        using MetadataScope scope = _tables.Lock.Enter();
        // A timer may fire once more while it is disposed.
        if (_isDisposed)
            return;
        _tables.L2Cache.DropUnused(scope);
        _tables.RefcountCache.DropUnused(scope);
    }
}
