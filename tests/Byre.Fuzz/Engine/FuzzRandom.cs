using System.Numerics;

namespace Byre.Fuzz.Engine;

/// <summary>
/// Random numbers that are the same for a seed on every machine and with every version of the framework (SplitMix64).
/// Not thread-safe.
/// </summary>
internal sealed class FuzzRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next64()
    {
        ulong value = _state += 0x9e37_79b9_7f4a_7c15;
        value = (value ^ (value >> 30)) * 0xbf58_476d_1ce4_e5b9;
        value = (value ^ (value >> 27)) * 0x94d0_49bb_1331_11eb;
        return value ^ (value >> 31);
    }

    /// <summary>A number from 0 to below <paramref name="limit"/>, which is positive.</summary>
    public int Next(int limit) => (int)(Next64() % (ulong)limit);

    /// <summary>A number from 0 to below <paramref name="limit"/>, which is positive.</summary>
    public long NextLong(long limit) => (long)(Next64() % (ulong)limit);

    /// <summary>A number whose magnitude is random as well: small ones are as likely as large ones.</summary>
    public long NextSkewed(long limit)
    {
        int bits = BitOperations.Log2((ulong)limit | 1) + 1;
        return NextLong(Math.Min(1L << Next(bits), limit));
    }

    /// <summary>True once in <paramref name="times"/>.</summary>
    public bool OneIn(int times) => Next(times) == 0;

    public T Pick<T>(ReadOnlySpan<T> choices) => choices[Next(choices.Length)];

    public T Pick<T>(IReadOnlyList<T> choices) => choices[Next(choices.Count)];

    public void Fill(Span<byte> bytes)
    {
        foreach (ref byte value in bytes)
            value = (byte)Next64();
    }
}
