namespace Byre.Nbd.Transport;

/// <summary>Runs of memory segments seen as one run of bytes. Stateless.</summary>
internal static class SegmentRun
{
    /// <summary>What is left of <paramref name="segments"/> without the first <paramref name="count"/> bytes; a segment
    /// that is cut is replaced in place.</summary>
    public static Span<Memory<byte>> Skip(Span<Memory<byte>> segments, long count)
    {
        int done = 0;
        while (done < segments.Length && segments[done].Length <= count)
            count -= segments[done++].Length;
        segments = segments[done..];
        if (!segments.IsEmpty && count > 0)
            segments[0] = segments[0][(int)count..];
        return segments;
    }
}
