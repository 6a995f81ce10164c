using System.Collections.Immutable;

namespace Byre.Qcow2.Layout;

/// <summary>
/// One entry of the snapshot table. Read and written by <see cref="SnapshotCodec"/>; its L1 table has not been
/// validated. Immutable.
/// </summary>
public sealed record SnapshotRecord
{
    /// <summary>Bytes of the fixed part of an entry in the file.</summary>
    public const int FixedBytes = 40;

    /// <summary>Bytes of the extra data this build knows: vm state size, disk size, instruction count.</summary>
    public const int KnownExtraBytes = 24;

    /// <summary>Where the snapshot's L1 table lies, as the file gives it.</summary>
    public ulong L1Offset { get; internal init; }

    /// <summary>Entries of the snapshot's L1 table, as the file gives it.</summary>
    public uint L1EntryCount { get; internal init; }

    /// <summary>The unique id, a text of digits.</summary>
    public string Id { get; internal init; } = "";

    /// <summary>The name; may be empty.</summary>
    public string Name { get; internal init; } = "";

    /// <summary>When it was taken: seconds since 1970 in UTC.</summary>
    public uint DateSeconds { get; internal init; }

    public uint DateNanoseconds { get; internal init; }

    /// <summary>The guest's running time at that moment in nanoseconds.</summary>
    public ulong VmClockNanoseconds { get; internal init; }

    /// <summary>Bytes of saved vm state; 0 for none.</summary>
    public ulong VmStateBytes { get; internal init; }

    /// <summary>The virtual disk's size at that moment; the image's own where the entry does not record one.</summary>
    public ulong DiskBytes { get; internal init; }

    /// <summary>The guest's instruction count; null where none is recorded.</summary>
    public ulong? InstructionCount { get; internal init; }

    /// <summary>
    /// Bytes of extra data the entry had in the file (0 for old images, 16 before the instruction count). It is
    /// written with at least <see cref="KnownExtraBytes"/>.
    /// </summary>
    public int ExtraBytes { get; internal init; }

    /// <summary>Extra data beyond what this build knows, kept byte for byte.</summary>
    public ImmutableArray<byte> UnknownExtra { get; internal init; } = [];
}
