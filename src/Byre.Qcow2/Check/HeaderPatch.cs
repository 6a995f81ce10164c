using System.Buffers.Binary;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// The fields of the header that a repair changes, each written in place and stable before and after: the rest of the
/// header, known or not, stays as it is. Offsets: specification, "Header".
/// </summary>
internal static class HeaderPatch
{
    private const int RefcountTableOffset = 48;
    private const int SnapshotCountOffset = 60;
    private const int IncompatibleFeaturesOffset = 72;

    /// <summary>Points the header to another refcount table, which must be written already.</summary>
    public static async ValueTask SetRefcountTableAsync(CheckContext context, RefcountTableLocation location)
    {
        byte[] fields = new byte[12];
        BinaryPrimitives.WriteInt64BigEndian(fields, location.Offset.Value);
        BinaryPrimitives.WriteInt32BigEndian(fields.AsSpan(8), location.ClusterCount);
        await WriteAsync(context, RefcountTableOffset, fields).ConfigureAwait(false);
        context.RefcountTable = location;
    }

    /// <summary>Changes the number of snapshots; their table stays.</summary>
    public static ValueTask SetSnapshotCountAsync(CheckContext context, int count)
    {
        byte[] fields = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(fields, count);
        return WriteAsync(context, SnapshotCountOffset, fields);
    }

    /// <summary>Points the header to another snapshot table, which must be written already.</summary>
    public static ValueTask SetSnapshotTableAsync(CheckContext context, SnapshotTableLocation location)
    {
        byte[] fields = new byte[12];
        BinaryPrimitives.WriteInt32BigEndian(fields, (int)location.Count);
        BinaryPrimitives.WriteInt64BigEndian(fields.AsSpan(4), location.Offset.Value);
        return WriteAsync(context, SnapshotCountOffset, fields);
    }

    /// <summary>Says that the image is damaged: nothing but a repair writes to it any more.</summary>
    public static ValueTask SetCorruptAsync(CheckContext context) =>
        SetFeaturesAsync(context, context.IncompatibleFeatures | IncompatibleFeatures.Corrupt);

    /// <summary>Says that the image is consistent: neither dirty nor corrupt.</summary>
    public static ValueTask SetCleanAsync(CheckContext context)
    {
        const IncompatibleFeatures Unclean = IncompatibleFeatures.Dirty | IncompatibleFeatures.Corrupt;
        return SetFeaturesAsync(context, context.IncompatibleFeatures & ~Unclean);
    }

    private static async ValueTask SetFeaturesAsync(CheckContext context, IncompatibleFeatures features)
    {
        // Version 2 has no such field.
        if (context.Header.Version < 3 || features == context.IncompatibleFeatures)
            return;
        byte[] fields = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(fields, (ulong)features);
        await WriteAsync(context, IncompatibleFeaturesOffset, fields).ConfigureAwait(false);
        context.IncompatibleFeatures = features;
    }

    private static async ValueTask WriteAsync(CheckContext context, int headerOffset, byte[] fields)
    {
        await context.BarrierAsync().ConfigureAwait(false);
        await context.WriteAsync(new HostOffset(headerOffset), fields).ConfigureAwait(false);
        await context.BarrierAsync().ConfigureAwait(false);
    }
}
