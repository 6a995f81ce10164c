using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Storage.Interop;

namespace Byre.Storage.Files;

/// <summary>
/// Tells data from holes by SEEK_DATA and SEEK_HOLE, and remembers the last run it found, so that a walk over a file in
/// small steps costs two system calls per run instead of two per step. Thread-safe.
/// <para>A change of the file calls <see cref="Invalidate"/> when it is done and before it is reported as done: an
/// answer looked up before that moment is then never given after it.</para>
/// </summary>
/// <param name="calls">The system calls.</param>
/// <param name="remember">False where other programs may change the file: nothing is remembered.</param>
internal sealed class HoleMap(SystemCalls calls, bool remember)
{
    private long _generation;
    private Run? _last;

    /// <summary>Forgets what was found.</summary>
    public void Invalidate() => Interlocked.Increment(ref _generation);

    /// <summary>
    /// The end of the run that starts at <paramref name="offset"/> and whether it is data. A run that reaches the end
    /// of the file as a hole has no end: <see cref="long.MaxValue"/>. A file that cannot tell is all data.
    /// </summary>
    public (long End, bool IsData) Find(int fd, long offset)
    {
        long generation = Volatile.Read(ref _generation);
        if (Volatile.Read(ref _last) is { } last && last.Generation == generation && last.Start <= offset &&
            offset < last.End)
            return (last.End, last.IsData);

        (long end, bool isData) = Look(fd, offset);
        if (remember)
            Volatile.Write(ref _last, new Run(generation, offset, end, isData));
        return (end, isData);
    }

    private (long End, bool IsData) Look(int fd, long offset)
    {
        const int noSuchAddress = -Errno.NoSuchDevice;
        long data = calls.Seek(fd, offset, SeekKind.Data);
        if (data == noSuchAddress)
            return (long.MaxValue, false);
        if (data > offset)
            return (data, false);
        if (data < offset)
            return (long.MaxValue, true);

        // A hole at the very offset was punched since the question before: data is the safe answer.
        long hole = calls.Seek(fd, offset, SeekKind.Hole);
        return (hole > offset ? hole : long.MaxValue, true);
    }

    private sealed record Run(long Generation, long Start, long End, bool IsData);
}
