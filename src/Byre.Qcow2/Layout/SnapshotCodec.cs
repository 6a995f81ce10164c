using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Qcow2.Layout;

/// <summary>
/// Reads and writes snapshot table entries. Source: specification, "Snapshots".
/// <code>
/// | fixed part 40 | extra data | id | name | padding to 8 |
/// </code>
/// Stateless.
/// </summary>
public static class SnapshotCodec
{
    /// <summary>Entries start on multiples of this, counted from the table's start.</summary>
    public const int AlignmentBytes = 8;

    private const ulong NoInstructionCount = ulong.MaxValue;

    /// <summary>
    /// Extra data that the entry starting with <paramref name="fixedPart"/> claims to have, in bytes.
    /// </summary>
    public static uint ReadExtraBytes(ReadOnlySpan<byte> fixedPart) =>
        MemoryMarshal.Read<RawSnapshotRecord>(fixedPart).ExtraBytes.Value;

    /// <summary>Length of the entry that starts with <paramref name="fixedPart"/>, in bytes, without padding.</summary>
    public static long ReadLength(ReadOnlySpan<byte> fixedPart)
    {
        RawSnapshotRecord raw = MemoryMarshal.Read<RawSnapshotRecord>(fixedPart);
        return SnapshotRecord.FixedBytes + (long)raw.ExtraBytes.Value + raw.IdBytes.Value + raw.NameBytes.Value;
    }

    /// <summary>Length of the entry as <see cref="Write"/> makes it, in bytes, without padding.</summary>
    public static int LengthOf(SnapshotRecord record) =>
        SnapshotRecord.FixedBytes + SnapshotRecord.KnownExtraBytes + record.UnknownExtra.Length +
        NameCodec.Encode(record.Id).Length + NameCodec.Encode(record.Name).Length;

    /// <summary>
    /// Reads the entry at the start of <paramref name="bytes"/>, which holds at least <see cref="ReadLength"/> bytes.
    /// Extra data beyond <see cref="FormatLimits.MaxSnapshotExtraBytes"/> is dropped: callers that do not repair
    /// check it first.
    /// </summary>
    /// <param name="bytes">The entry.</param>
    /// <param name="imageSizeBytes">The disk size to assume where the entry records none.</param>
    public static SnapshotRecord Parse(ReadOnlySpan<byte> bytes, long imageSizeBytes)
    {
        RawSnapshotRecord raw = MemoryMarshal.Read<RawSnapshotRecord>(bytes);
        bytes = bytes[SnapshotRecord.FixedBytes..];
        ReadOnlySpan<byte> extra = bytes[..(int)raw.ExtraBytes.Value];
        bytes = bytes[extra.Length..];
        ReadOnlySpan<byte> id = bytes[..raw.IdBytes.Value];
        ReadOnlySpan<byte> name = bytes.Slice(id.Length, raw.NameBytes.Value);

        if (extra.Length > FormatLimits.MaxSnapshotExtraBytes)
            extra = extra[..FormatLimits.MaxSnapshotExtraBytes];
        ulong? instructions = extra.Length >= 24 ? BinaryPrimitives.ReadUInt64BigEndian(extra[16..]) : null;
        return new SnapshotRecord
        {
            L1Offset = raw.L1Offset.Value,
            L1EntryCount = raw.L1EntryCount.Value,
            Id = NameCodec.Decode(id),
            Name = NameCodec.Decode(name),
            DateSeconds = raw.DateSeconds.Value,
            DateNanoseconds = raw.DateNanoseconds.Value,
            VmClockNanoseconds = raw.VmClockNanoseconds.Value,
            VmStateBytes = extra.Length >= 8 ? BinaryPrimitives.ReadUInt64BigEndian(extra) : raw.VmStateBytes.Value,
            DiskBytes = extra.Length >= 16 ? BinaryPrimitives.ReadUInt64BigEndian(extra[8..]) : (ulong)imageSizeBytes,
            InstructionCount = instructions == NoInstructionCount ? null : instructions,
            ExtraBytes = extra.Length,
            UnknownExtra = extra.Length > SnapshotRecord.KnownExtraBytes
                ? [.. extra[SnapshotRecord.KnownExtraBytes..]] : [],
        };
    }

    /// <summary>The whole table: entries in order, padded to 8 bytes between each other.</summary>
    /// <exception cref="BlockException">EFBIG: longer than
    /// <see cref="FormatLimits.MaxSnapshotTableBytes"/>.</exception>
    public static byte[] WriteTable(IReadOnlyList<SnapshotRecord> records)
    {
        long length = 0;
        foreach (SnapshotRecord record in records)
        {
            length = Align(length) + LengthOf(record);
            if (length > FormatLimits.MaxSnapshotTableBytes)
                throw BlockException.FromErrno(Errno.FileTooLarge);
        }

        byte[] table = new byte[length];
        int position = 0;
        foreach (SnapshotRecord record in records)
        {
            position = (int)Align(position);
            position += Write(record, table.AsSpan(position));
        }

        return table;
    }

    /// <summary>The offset at or after <paramref name="offset"/> where an entry may start.</summary>
    public static long Align(long offset) => (offset + AlignmentBytes - 1) & -AlignmentBytes;

    /// <summary>Writes one entry.</summary>
    /// <returns>Its length in bytes.</returns>
    public static int Write(SnapshotRecord record, Span<byte> target)
    {
        byte[] id = NameCodec.Encode(record.Id);
        byte[] name = NameCodec.Encode(record.Name);
        Invariant.That(id.Length <= ushort.MaxValue && name.Length <= ushort.MaxValue);
        int extraBytes = SnapshotRecord.KnownExtraBytes + record.UnknownExtra.Length;
        var raw = new RawSnapshotRecord
        {
            L1Offset = record.L1Offset,
            L1EntryCount = record.L1EntryCount,
            IdBytes = (ushort)id.Length,
            NameBytes = (ushort)name.Length,
            DateSeconds = record.DateSeconds,
            DateNanoseconds = record.DateNanoseconds,
            VmClockNanoseconds = record.VmClockNanoseconds,

            // A program that knows only this field shall see a disk-only snapshot rather than a cut vm state.
            VmStateBytes = record.VmStateBytes <= uint.MaxValue ? (uint)record.VmStateBytes : 0,
            ExtraBytes = (uint)extraBytes,
        };
        MemoryMarshal.Write(target, raw);
        int position = SnapshotRecord.FixedBytes;
        BinaryPrimitives.WriteUInt64BigEndian(target[position..], record.VmStateBytes);
        BinaryPrimitives.WriteUInt64BigEndian(target[(position + 8)..], record.DiskBytes);
        BinaryPrimitives.WriteUInt64BigEndian(target[(position + 16)..], record.InstructionCount ?? NoInstructionCount);
        record.UnknownExtra.CopyTo(target[(position + SnapshotRecord.KnownExtraBytes)..]);
        position += extraBytes;
        id.CopyTo(target[position..]);
        position += id.Length;
        name.CopyTo(target[position..]);
        return position + name.Length;
    }
}
