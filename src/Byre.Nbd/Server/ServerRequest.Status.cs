using System.Buffers.Binary;
using Byre.Block.Bitmaps;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <content>Block status.</content>
internal sealed partial class ServerRequest
{
    /// <summary>The payload chose contexts: the range that is asked about stands before their numbers.</summary>
    public void ApplyContextPayload(ReadOnlySpan<byte> payload)
    {
        const int LengthBytes = sizeof(ulong);
        var chosen = new MetaContextSelection(_session.Export);
        bool isValid = payload.Length >= LengthBytes && payload.Length % sizeof(uint) == 0;
        for (int at = LengthBytes; isValid && at < payload.Length; at += sizeof(uint))
            isValid = chosen.TryAdd(BinaryPrimitives.ReadUInt32BigEndian(payload[at..]), _session.Contexts);
        _contexts = isValid ? chosen : new MetaContextSelection(_session.Export);
        _header = _header with { Length = isValid ? BinaryPrimitives.ReadUInt64BigEndian(payload) : 0 };
    }

    private ValueTask PerformStatus()
    {
        MetaContextSelection contexts = _contexts ?? _session.Contexts;
        if (contexts.Count == 0)
        {
            AnswerError(Errno.Invalid, _session.Contexts.Count > 0
                ? "CMD_BLOCK_STATUS payload not valid"
                : "CMD_BLOCK_STATUS not negotiated");
            return default;
        }

        if (_header.Length == 0)
        {
            AnswerError(Errno.Invalid, "need non-zero length");
            return default;
        }

        return TellStatusAsync(contexts);
    }

    private async ValueTask TellStatusAsync(MetaContextSelection contexts)
    {
        bool wantsOne = (_header.Flags & CommandFlags.RequestOne) != 0;
        int left = contexts.Count;
        if (contexts.BaseAllocation)
        {
            StatusExtents extents = NewExtents(wantsOne);
            await CollectAllocationAsync(extents).ConfigureAwait(false);
            AnswerExtents(extents, MetaContextId.BaseAllocation, --left == 0);
        }

        if (contexts.AllocationDepth)
        {
            StatusExtents extents = NewExtents(wantsOne);
            await CollectDepthAsync(extents).ConfigureAwait(false);
            AnswerExtents(extents, MetaContextId.AllocationDepth, --left == 0);
        }

        for (int i = 0; i < _session.Export.Bitmaps.Count; i++)
        {
            if (!contexts.HasBitmap(i))
                continue;
            StatusExtents extents = NewExtents(wantsOne);
            CollectDirty(extents, _session.Export.Bitmaps[i]);
            AnswerExtents(extents, MetaContextId.FirstBitmap + (uint)i, --left == 0);
        }

        _isAnswered = true;
    }

    private StatusExtents NewExtents(bool wantsOne) =>
        new(wantsOne ? 1 : NbdLimits.MaxStatusExtents, isExtended: Mode >= NbdMode.Extended);

    private async ValueTask CollectAllocationAsync(StatusExtents extents)
    {
        BlockNode root = _session.Export.Backend.Root;
        ByteRange left = Range;
        while (!left.IsEmpty)
        {
            BlockExtent found = (await BackingChain.GetStatusAboveAsync(root, null, left).ConfigureAwait(false)).Extent;
            Invariant.That(found.Length > 0);
            NbdStatusFlags flags = found.Has(BlockStatus.Data) ? NbdStatusFlags.None : NbdStatusFlags.Hole;
            if (found.Has(BlockStatus.Zero))
                flags |= NbdStatusFlags.Zero;
            if (!extents.TryAdd(found.Length, (uint)flags))
                return;
            left = ByteRange.FromEnd(left.Offset + found.Length, left.End);
        }
    }

    private async ValueTask CollectDepthAsync(StatusExtents extents)
    {
        BlockNode root = _session.Export.Backend.Root;
        ByteRange left = Range;
        while (!left.IsEmpty)
        {
            ChainExtent found =
                await BackingChain.GetAllocationAboveAsync(root, null, left).ConfigureAwait(false);
            Invariant.That(found.Extent.Length > 0);
            uint depth = found.Extent.Has(BlockStatus.Allocated) ? (uint)found.Depth : 0;
            if (!extents.TryAdd(found.Extent.Length, depth))
                return;
            left = ByteRange.FromEnd(left.Offset + found.Extent.Length, left.End);
        }
    }

    private void CollectDirty(StatusExtents extents, DirtyBitmap bitmap)
    {
        ByteRange left = Range;
        while (!left.IsEmpty)
        {
            bool found = bitmap.TryFindDirty(left, out ByteRange dirty);
            long clean = found ? dirty.Offset - left.Offset : left.Length;
            if (clean > 0 && !extents.TryAdd(clean, 0))
                return;
            if (!found || !extents.TryAdd(dirty.Length, MetaContextId.DirtyFlag))
                return;
            left = ByteRange.FromEnd(dirty.End, left.End);
        }
    }

    private void AnswerExtents(StatusExtents extents, uint contextId, bool isLast)
    {
        bool extended = Mode >= NbdMode.Extended;
        int metaBytes = extended ? 2 * sizeof(uint) : sizeof(uint);
        int headBytes = ReplyHeader.ChunkBytes(Mode);
        byte[] chunk = new byte[headBytes + metaBytes + extents.PayloadBytes];
        ReplyCode type = extended ? ReplyCode.BlockStatusExtended : ReplyCode.BlockStatus;
        ReplyHeader.WriteChunk(chunk, Mode, _header, type, isLast, chunk.Length - headBytes);
        Span<byte> payload = chunk.AsSpan(headBytes);
        BinaryPrimitives.WriteUInt32BigEndian(payload, contextId);
        if (extended)
            BinaryPrimitives.WriteUInt32BigEndian(payload[sizeof(uint)..], (uint)extents.Count);
        extents.Write(payload[metaBytes..]);
        _answer.Add(chunk);
    }
}
