using System.Buffers.Binary;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>Some entries of an L1 table that are not zero, in order. Immutable.</summary>
internal sealed class L1Batch
{
    private L1Batch(List<int> indexes, List<L1Entry> entries, List<HostOffset> tableOffsets)
    {
        Indexes = indexes;
        Entries = entries;
        TableOffsets = tableOffsets;
    }

    /// <summary>The entries' indexes in the L1 table.</summary>
    public IReadOnlyList<int> Indexes { get; }

    public IReadOnlyList<L1Entry> Entries { get; }

    /// <summary>The offsets of the entries' L2 tables.</summary>
    public IReadOnlyList<HostOffset> TableOffsets { get; }

    /// <summary>Entries from anywhere: their indexes are those in the list.</summary>
    public static L1Batch Of(List<L1Entry> entries) =>
        new([.. Enumerable.Range(0, entries.Count)], entries, [.. entries.Select(entry => entry.TableOffset)]);

    /// <summary>
    /// Cuts a big-endian L1 table into batches of at most <paramref name="maxEntries"/> used entries (at least one),
    /// each taken as late as possible; those that <paramref name="skips"/> knows are left out.
    /// </summary>
    public static IEnumerable<L1Batch> Split(byte[] table, int maxEntries, Func<L1Entry, bool>? skips = null)
    {
        maxEntries = Math.Max(1, maxEntries);
        var indexes = new List<int>();
        var entries = new List<L1Entry>();
        var offsets = new List<HostOffset>();
        for (int at = 0; at + Geometry.TableEntryBytes <= table.Length; at += Geometry.TableEntryBytes)
        {
            ulong word = BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(at));
            if (word == 0 || (skips is not null && skips(new L1Entry(word))))
                continue;
            indexes.Add(at / Geometry.TableEntryBytes);
            entries.Add(new L1Entry(word));
            offsets.Add(entries[^1].TableOffset);
            if (entries.Count == maxEntries)
            {
                yield return new L1Batch(indexes, entries, offsets);
                (indexes, entries, offsets) = ([], [], []);
            }
        }

        if (entries.Count > 0)
            yield return new L1Batch(indexes, entries, offsets);
    }
}
