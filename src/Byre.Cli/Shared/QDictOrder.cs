using System.Text;

namespace Byre.Cli.Shared;

/// <summary>
/// The order in which QEMU's dictionaries list their keys: by bucket of a 512-bucket hash table, and within a bucket the
/// key inserted last comes first. Every JSON text and "key: value" dump of QEMU's tools is in this order. Stateless.
/// </summary>
internal static class QDictOrder
{
    private const int BucketCount = 512;

    /// <summary>The bucket of a key.</summary>
    public static int BucketOf(string key)
    {
        // Hash of the length and of the bytes shifted by 0, 5, 10, 15, 20, 1, 6, ... bits (as in Samba's tdb).
        Span<byte> bytes = stackalloc byte[Encoding.UTF8.GetMaxByteCount(key.Length)];
        bytes = bytes[..Encoding.UTF8.GetBytes(key, bytes)];
        uint value = unchecked(0x238F13AFu * (uint)bytes.Length);
        for (int i = 0; i < bytes.Length; i++)
            value = unchecked(value + ((uint)bytes[i] << (i * 5 % 24)));
        return (int)(unchecked((1103515243u * value) + 12345u) % BucketCount);
    }

    /// <summary>The entries in QEMU's order.</summary>
    public static KeyValuePair<string, object>[] Sort(IReadOnlyList<KeyValuePair<string, object>> entries)
    {
        var sorted = new KeyValuePair<string, object>[entries.Count];
        var buckets = new int[entries.Count];
        for (int i = 0; i < entries.Count; i++)
        {
            // Insertion sort: dictionaries are small, and an equal bucket puts the later entry first.
            int bucket = BucketOf(entries[i].Key);
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
}
