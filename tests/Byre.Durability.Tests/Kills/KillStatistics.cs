namespace Byre.Durability.Tests.Kills;

/// <summary>What a campaign did. Counters are added to by several threads.</summary>
internal sealed class KillStatistics
{
    private long _kills;
    private long _late;
    private long _images;
    private long _acknowledged;
    private long _flushes;
    private long _leaky;
    private long _peerChecks;

    public long Kills => Interlocked.Read(ref _kills);

    public void AddImage() => Interlocked.Increment(ref _images);

    public void AddKill(bool inTime)
    {
        Interlocked.Increment(ref _kills);
        if (!inTime)
            Interlocked.Increment(ref _late);
    }

    public void AddAnswers(int commands, int flushes)
    {
        Interlocked.Add(ref _acknowledged, commands);
        Interlocked.Add(ref _flushes, flushes);
    }

    public void AddLeaky() => Interlocked.Increment(ref _leaky);

    public void AddPeerCheck() => Interlocked.Increment(ref _peerChecks);

    public override string ToString() =>
        $"kills: {_kills} processes on {_images} images ({_late} had ended already), {_acknowledged} commands and " +
        $"{_flushes} flushes acknowledged, {_leaky} images with leaks, {_peerChecks} checked by qemu-img";
}
