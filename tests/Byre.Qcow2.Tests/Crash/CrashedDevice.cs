namespace Byre.Qcow2.Tests.Crash;

/// <summary>
/// What a device may hold after a power cut: everything up to the last flush, and of what came later any part, in any
/// order, torn at sector borders.
/// </summary>
internal static class CrashedDevice
{
    private const int SectorBytes = 512;

    /// <summary>The content after a cut that follows <paramref name="events"/> events.</summary>
    public static byte[] Make(byte[] start, IReadOnlyList<DeviceEvent> events, int count, Random random)
    {
        int stable = 0;
        for (int i = 0; i < count; i++)
        {
            if (events[i].IsFlush)
                stable = i + 1;
        }

        long end = start.Length;
        for (int i = 0; i < count; i++)
            end = Math.Max(end, events[i].End);
        byte[] content = new byte[end];
        start.CopyTo(content, 0);
        long length = start.Length;
        for (int i = 0; i < stable; i++)
            Apply(content, ref length, events[i], keepsSector: static () => true);

        int[] pending = [.. Enumerable.Range(stable, count - stable)];
        int mode = random.Next(4);
        if (mode >= 2)
            random.Shuffle(pending);
        foreach (int index in pending)
        {
            if (mode == 3)
                Apply(content, ref length, events[index], keepsSector: () => random.Next(2) == 0);
            else if (mode != 0 && random.Next(2) == 0)
                Apply(content, ref length, events[index], keepsSector: static () => true);
        }

        return content[..(int)length];
    }

    private static void Apply(byte[] content, ref long length, DeviceEvent change, Func<bool> keepsSector)
    {
        if (change.Bytes is not { } bytes)
            return;
        length = bytes.Length == 0 ? change.Offset : Math.Max(length, change.End);
        for (long at = change.Offset; at < change.End;)
        {
            long sectorEnd = Math.Min((at / SectorBytes + 1) * SectorBytes, change.End);
            if (keepsSector())
                bytes.AsSpan((int)(at - change.Offset), (int)(sectorEnd - at)).CopyTo(content.AsSpan((int)at));
            at = sectorEnd;
        }
    }
}
