using System.Text;

namespace Byre.Block.Graph;

/// <summary>
/// The order in which QEMU's dictionaries are walked, and so the order of keys in every JSON text and option dump it
/// prints: by hash bucket, and within a bucket the latest insertion first. Stateless.
/// </summary>
public static class QDictOrder
{
    /// <summary>Buckets of a dictionary.</summary>
    public const int BucketCount = 512;

    /// <summary>The bucket of <paramref name="key"/>, 0 to 511.</summary>
    public static int Bucket(string key)
    {
        Span<byte> buffer = stackalloc byte[256];
        ReadOnlySpan<byte> bytes = Encoding.UTF8.TryGetBytes(key, buffer, out int length)
            ? buffer[..length]
            : Encoding.UTF8.GetBytes(key);
        uint hash = 0x238F13AFu * (uint)bytes.Length;
        for (int i = 0; i < bytes.Length; i++)
            hash += (uint)bytes[i] << (i * 5 % 24);
        return (int)(unchecked((1103515243u * hash) + 12345u) % BucketCount);
    }

    /// <summary>The entries, given in the order of insertion, in the order in which they are walked.</summary>
    public static IReadOnlyList<T> Sort<T>(IReadOnlyList<T> entries, Func<T, string> keyOf)
    {
        // Insertion sort: dictionaries are small, and of one bucket the later entry comes first.
        int[] buckets = new int[entries.Count];
        var sorted = new T[entries.Count];
        for (int i = 0; i < sorted.Length; i++)
        {
            int bucket = Bucket(keyOf(entries[i]));
            int place = i;
            for (; place > 0 && buckets[place - 1] >= bucket; place--)
            {
                buckets[place] = buckets[place - 1];
                sorted[place] = sorted[place - 1];
            }

            buckets[place] = bucket;
            sorted[place] = entries[i];
        }

        return sorted;
    }

    /// <summary>The keys, given in the order of insertion, in the order in which they are walked.</summary>
    public static IReadOnlyList<string> Sort(IReadOnlyList<string> keys) => Sort(keys, key => key);
}
