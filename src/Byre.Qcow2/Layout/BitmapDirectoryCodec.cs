using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Qcow2.Layout;

/// <summary>Reads and writes the bitmap directory. Source: specification, "Bitmap directory". Stateless.</summary>
public static class BitmapDirectoryCodec
{
    /// <summary>Bitmaps above this many bytes are not loaded: 512 MiB, as the peer.</summary>
    public const long MaxBitmapBytes = 0x20000000;

    private const int AlignmentBytes = 8;

    /// <summary>Reads all entries.</summary>
    /// <param name="directory">The directory's bytes, as many as the extension says.</param>
    /// <param name="header">The image: cluster size, virtual size, count of bitmaps.</param>
    /// <exception cref="BlockException">Broken, or an entry exceeds a limit.</exception>
    public static IReadOnlyList<BitmapDirectoryEntry> Parse(ReadOnlySpan<byte> directory, ImageHeader header)
    {
        int expected = header.Bitmaps?.Count ?? 0;
        if (directory.IsEmpty)
            throw Invalid("Requested bitmap directory size is zero");
        if (directory.Length > FormatLimits.MaxBitmapDirectoryBytes)
            throw Invalid("Requested bitmap directory size is too big");
        var entries = new List<BitmapDirectoryEntry>();
        while (!directory.IsEmpty)
        {
            if (directory.Length < BitmapDirectoryEntry.FixedBytes)
                throw Invalid("Broken bitmap directory");
            if (entries.Count == expected)
                throw Invalid("More bitmaps found than specified in header extension");
            RawBitmapDirectoryEntry raw = MemoryMarshal.Read<RawBitmapDirectoryEntry>(directory);
            long length = Align(BitmapDirectoryEntry.FixedBytes + (long)raw.ExtraBytes.Value + raw.NameBytes.Value);
            if (length > directory.Length)
                throw Invalid("Broken bitmap directory");
            if (raw.ExtraBytes.Value != 0)
                throw Invalid("Bitmap extra data is not supported");
            string name = NameCodec.Decode(directory.Slice(BitmapDirectoryEntry.FixedBytes, raw.NameBytes.Value));
            if (!IsSound(raw, header))
                throw Invalid($"Bitmap '{name}' doesn't satisfy the constraints");
            entries.Add(new BitmapDirectoryEntry
            {
                Name = name,
                TableOffset = new HostOffset((long)raw.TableOffset.Value),
                TableEntryCount = (int)raw.TableEntryCount.Value,
                Flags = (BitmapFlags)raw.Flags.Value,
                GranularityBits = raw.GranularityBits,
            });
            directory = directory[(int)length..];
        }

        if (entries.Count < expected)
            throw Invalid("Less bitmaps found than specified in header extension");
        return entries;
    }

    /// <summary>The directory's bytes.</summary>
    public static byte[] Write(IReadOnlyList<BitmapDirectoryEntry> entries)
    {
        int length = entries.Sum(static entry => LengthOf(entry));
        byte[] directory = new byte[length];
        Span<byte> target = directory;
        foreach (BitmapDirectoryEntry entry in entries)
        {
            byte[] name = NameCodec.Encode(entry.Name);
            var raw = new RawBitmapDirectoryEntry
            {
                TableOffset = (ulong)entry.TableOffset.Value,
                TableEntryCount = (uint)entry.TableEntryCount,
                Flags = (uint)entry.Flags,
                Type = BitmapDirectoryEntry.DirtyTrackingType,
                GranularityBits = (byte)entry.GranularityBits,
                NameBytes = (ushort)name.Length,
            };
            MemoryMarshal.Write(target, raw);
            name.CopyTo(target[BitmapDirectoryEntry.FixedBytes..]);
            target = target[LengthOf(entry)..];
        }

        return directory;
    }

    /// <summary>Bytes of one entry in the file, padding included.</summary>
    public static int LengthOf(BitmapDirectoryEntry entry) => LengthOf(entry.Name);

    /// <summary>Bytes of the entry of a bitmap with such a name.</summary>
    public static int LengthOf(string name) =>
        (int)Align(BitmapDirectoryEntry.FixedBytes + NameCodec.Encode(name).Length);

    private static bool IsSound(in RawBitmapDirectoryEntry raw, ImageHeader header)
    {
        ulong offset = raw.TableOffset.Value;
        uint entries = raw.TableEntryCount.Value;
        if (entries is 0 or > FormatLimits.MaxBitmapTableEntries ||
            offset == 0 || offset > FormatLimits.MaxHostOffset ||
                (offset & (ulong)(header.ClusterSizeBytes - 1)) != 0 ||
            raw.GranularityBits is < FormatLimits.MinBitmapGranularityBits or > FormatLimits.MaxBitmapGranularityBits ||
            (raw.Flags.Value & ~(uint)BitmapFlags.Known) != 0 ||
            raw.NameBytes.Value > FormatLimits.MaxBitmapNameBytes ||
            raw.Type != BitmapDirectoryEntry.DirtyTrackingType)
        {
            return false;
        }

        long bytes = (long)entries << header.ClusterBits;
        if (bytes > MaxBitmapBytes)
            return false;

        // A bitmap that was not saved after a resize may be too short: it is inconsistent anyway.
        bool inUse = (raw.Flags.Value & (uint)BitmapFlags.InUse) != 0;
        return inUse || header.VirtualSizeBytes <= (Int128)bytes * 8 << raw.GranularityBits;
    }

    private static long Align(long bytes) => (bytes + AlignmentBytes - 1) & -AlignmentBytes;

    private static BlockException Invalid(string message) =>
        new(BlockErrorKind.CorruptImage, Errno.Invalid, message);
}
