using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <content>Reads: plain, and with holes told instead of sent.</content>
internal sealed partial class ServerRequest
{
    /// <summary>
    /// Reads from this length on ask for holes first, which saves reading them. Shorter ones are read, and told to be a
    /// hole where they turn out to be all zeroes: a question would cost more than the read.
    /// </summary>
    private const int SparseReadBytes = 64 << 10;

    private bool TellsHoles =>
        Mode >= NbdMode.Structured && (_header.Flags & CommandFlags.DoNotFragment) == 0 && _header.Length > 0;

    private ValueTask PerformRead(bool flushesFirst)
    {
        if (flushesFirst)
            return FlushAndReadAsync();
        return TellsHoles && _header.Length >= SparseReadBytes ? ReadSparseAsync() : ReadPlain();
    }

    private ValueTask ReadPlain() =>
        _session.Export.Backend.ReadAsync((long)_header.Offset, RentData((int)_header.Length));

    private async ValueTask FlushAndReadAsync()
    {
        await _session.Export.Backend.FlushAsync().ConfigureAwait(false);
        await (TellsHoles ? ReadSparseAsync() : ReadPlain()).ConfigureAwait(false);
    }

    private async ValueTask ReadSparseAsync()
    {
        BlockBackend backend = _session.Export.Backend;
        Memory<byte> data = RentData((int)_header.Length);
        var runs = new List<(ByteRange Range, bool IsHole)>();
        ByteRange left = Range;
        while (!left.IsEmpty)
        {
            ChainExtent found = await BackingChain.GetStatusAboveAsync(backend.Root, null, left).ConfigureAwait(false);
            long length = found.Extent.Length == 0 ? left.Length : found.Extent.Length;
            AddRun(runs, new ByteRange(left.Offset, length), found.Extent.Has(BlockStatus.Zero));
            left = ByteRange.FromEnd(left.Offset + length, left.End);
        }

        foreach ((ByteRange range, bool isHole) in runs)
        {
            if (!isHole)
            {
                Memory<byte> part = data.Slice((int)(range.Offset - (long)_header.Offset), (int)range.Length);
                await backend.ReadAsync(range.Offset, part).ConfigureAwait(false);
            }
        }

        AnswerRuns(runs, data);
    }

    private static void AddRun(List<(ByteRange Range, bool IsHole)> runs, ByteRange range, bool isHole)
    {
        if (runs.Count > 0 && runs[^1].IsHole == isHole)
            runs[^1] = (ByteRange.FromEnd(runs[^1].Range.Offset, range.End), isHole);
        else
            runs.Add((range, isHole));
    }

    private void AnswerRuns(List<(ByteRange Range, bool IsHole)> runs, Memory<byte> data)
    {
        int headBytes = ReplyHeader.ChunkBytes(Mode) + sizeof(ulong) + sizeof(uint);
        Memory<byte> heads = runs.Count * headBytes <= HeadBytes ? _head : new byte[runs.Count * headBytes];
        for (int i = 0; i < runs.Count; i++)
        {
            (ByteRange range, bool isHole) = runs[i];
            bool isLast = i == runs.Count - 1;
            if (isHole)
            {
                _answer.Add(heads[..WriteHole(heads.Span, range, isLast)]);
            }
            else
            {
                _answer.Add(heads[..WriteData(heads.Span, range, isLast)]);
                _answer.Add(data.Slice((int)(range.Offset - (long)_header.Offset), (int)range.Length));
            }

            heads = heads[headBytes..];
        }

        _isAnswered = true;
    }

    private void AnswerRead()
    {
        int length = (int)_header.Length;
        Memory<byte> data = RentData(length);
        if (Mode < NbdMode.Structured)
        {
            _answer.Add(_head[..ReplyHeader.WriteSimple(_headArray, 0, _header.Cookie)]);
        }
        else if (length == 0)
        {
            AnswerDone();
            return;
        }
        else if (TellsHoles && ZeroDetector.IsZero(data.Span))
        {
            _answer.Add(_head[..WriteHole(_headArray, Range, isLast: true)]);
            return;
        }
        else
        {
            _answer.Add(_head[..WriteData(_headArray, Range, isLast: true)]);
        }

        if (length > 0)
            _answer.Add(data);
    }

    private int WriteData(Span<byte> head, ByteRange range, bool isLast)
    {
        int used = ReplyHeader.WriteChunk(
            head, Mode, _header, ReplyCode.OffsetData, isLast, sizeof(ulong) + range.Length);
        BinaryPrimitives.WriteUInt64BigEndian(head[used..], (ulong)range.Offset);
        return used + sizeof(ulong);
    }

    private int WriteHole(Span<byte> head, ByteRange range, bool isLast)
    {
        const int PayloadBytes = sizeof(ulong) + sizeof(uint);
        int used = ReplyHeader.WriteChunk(head, Mode, _header, ReplyCode.OffsetHole, isLast, PayloadBytes);
        BinaryPrimitives.WriteUInt64BigEndian(head[used..], (ulong)range.Offset);
        BinaryPrimitives.WriteUInt32BigEndian(head[(used + sizeof(ulong))..], (uint)range.Length);
        return used + PayloadBytes;
    }
}
