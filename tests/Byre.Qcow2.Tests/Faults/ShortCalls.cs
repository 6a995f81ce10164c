using Byre.Storage.Interop;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>The kernel's calls, of which some transfer fewer bytes than asked, as their clock says.</summary>
internal sealed class ShortCalls(FaultClock clock) : SystemCalls
{
    public override long Read(int fd, Span<byte> destination, long offset) =>
        base.Read(fd, destination[..Cut(destination.Length)], offset);

    public override long Write(int fd, ReadOnlySpan<byte> source, long offset) =>
        base.Write(fd, source[..Cut(source.Length)], offset);

    public override long ReadVector(int fd, ReadOnlySpan<IoSegment> segments, long offset) =>
        base.ReadVector(fd, Cut(segments), offset);

    public override long WriteVector(int fd, ReadOnlySpan<IoSegment> segments, long offset) =>
        base.WriteVector(fd, Cut(segments), offset);

    private int Cut(int length) => clock.CutsShort() ? clock.Fault.Cut!.Value.Of(length) : length;

    private ReadOnlySpan<IoSegment> Cut(ReadOnlySpan<IoSegment> segments)
    {
        long length = 0;
        foreach (IoSegment segment in segments)
            length += (long)segment.LengthBytes;
        long left = Cut((int)length);
        var kept = new List<IoSegment>();
        foreach (IoSegment segment in segments)
        {
            if (left == 0)
                break;
            kept.Add(segment.Shorten((nuint)left));
            left -= (long)kept[^1].LengthBytes;
        }

        return kept.ToArray();
    }
}
