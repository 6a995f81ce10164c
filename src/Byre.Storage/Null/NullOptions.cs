using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Storage.Null;

/// <summary>Options of the null drivers. Immutable.</summary>
/// <param name="LengthBytes">"size"; 1 GiB where it is not given.</param>
/// <param name="Latency">"latency-ns", rounded up to whole milliseconds by the timer.</param>
/// <param name="ReadsZeroes">"read-zeroes".</param>
internal sealed record NullOptions(long LengthBytes, TimeSpan Latency, bool ReadsZeroes)
{
    private const long DefaultLengthBytes = 1 << 30;

    /// <exception cref="BlockException">A value is not allowed.</exception>
    public static NullOptions Take(OptionSet options)
    {
        options.Take("filename");
        long length = options.TakeSize("size") ?? DefaultLengthBytes;
        bool readsZeroes = options.TakeBool("read-zeroes") ?? false;
        if (options.Get("latency-ns")?.StartsWith('-') == true)
            throw BlockException.Invalid("latency-ns is invalid");
        long nanoseconds = options.TakeNumber("latency-ns") ?? 0;
        return new NullOptions(length, TimeSpan.FromTicks((nanoseconds + 99) / 100), readsZeroes);
    }
}
