using System.Diagnostics;
using System.Numerics;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>
/// What the clients of an export did, counted since it was made. Thread-safe; every figure is right by itself, and two
/// of them may be a request apart.
/// </summary>
public sealed class ExportStatistics
{
    /// <summary>Kinds of requests, as the protocol numbers them, and one for the unknown.</summary>
    public const int KindCount = 9;

    /// <summary>Buckets of a latency histogram; see <see cref="BucketSeconds"/>.</summary>
    public const int BucketCount = 22;

    private readonly long[] _requests = new long[KindCount];
    private readonly long[] _errors = new long[KindCount];
    private readonly long[] _bytes = new long[KindCount];
    private readonly long[] _ticks = new long[KindCount];
    private readonly long[][] _buckets = [.. Enumerable.Range(0, KindCount).Select(_ => new long[BucketCount])];
    private Action<int, double>? _answered;
    private long _clients;
    private long _inFlight;

    /// <summary>Connections that are open.</summary>
    public long Clients => Interlocked.Read(ref _clients);

    /// <summary>Requests received and not answered yet.</summary>
    public long InFlight => Interlocked.Read(ref _inFlight);

    /// <summary>What messages call the requests that the index stands for.</summary>
    public static string NameOf(int kind) => kind == KindCount - 1 ? "unknown" : NbdNames.Of((CommandCode)kind);

    /// <summary>The upper bound, in seconds, of a bucket: powers of two from one microsecond; the last has
    /// none.</summary>
    public static double BucketSeconds(int bucket) =>
        bucket == BucketCount - 1 ? double.PositiveInfinity : Math.ScaleB(1e-6, bucket);

    /// <summary>Requests of a kind that were answered.</summary>
    public long Requests(int kind) => Interlocked.Read(ref _requests[kind]);

    /// <summary>Those of them that were answered with an error.</summary>
    public long Errors(int kind) => Interlocked.Read(ref _errors[kind]);

    /// <summary>Bytes of the ranges of those that succeeded.</summary>
    public long Bytes(int kind) => Interlocked.Read(ref _bytes[kind]);

    /// <summary>Time from receiving to answering, of all of them together.</summary>
    public double Seconds(int kind) => (double)Interlocked.Read(ref _ticks[kind]) / Stopwatch.Frequency;

    /// <summary>Requests whose time lies in a bucket, and in no lower one.</summary>
    public long InBucket(int kind, int bucket) => Interlocked.Read(ref _buckets[kind][bucket]);

    /// <summary>A request of a kind was answered, after so many seconds. On the thread that answers.</summary>
    internal event Action<int, double> Answered
    {
        add => _answered += value;
        remove => _answered -= value;
    }

    internal void ClientCame() => Interlocked.Increment(ref _clients);

    internal void ClientWent() => Interlocked.Decrement(ref _clients);

    internal void Begin() => Interlocked.Increment(ref _inFlight);

    internal void End(in RequestHeader request, bool succeeded, long startedTimestamp)
    {
        int kind = Math.Min((int)request.Command, KindCount - 1);
        long ticks = Stopwatch.GetTimestamp() - startedTimestamp;
        Interlocked.Decrement(ref _inFlight);
        Interlocked.Increment(ref _requests[kind]);
        Interlocked.Add(ref _ticks[kind], ticks);
        Interlocked.Increment(ref _buckets[kind][BucketOf(ticks)]);
        if (succeeded)
            Interlocked.Add(ref _bytes[kind], (long)request.Length);
        else
            Interlocked.Increment(ref _errors[kind]);
        _answered?.Invoke(kind, (double)ticks / Stopwatch.Frequency);
    }

    private static int BucketOf(long ticks)
    {
        ulong microseconds = (ulong)ticks * 1_000_000 / (ulong)Stopwatch.Frequency;
        return microseconds == 0 ? 0 : Math.Min(BitOperations.Log2(microseconds) + 1, BucketCount - 1);
    }
}
