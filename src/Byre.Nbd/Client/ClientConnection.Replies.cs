using System.Buffers.Binary;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <content>The receiving thread.</content>
internal sealed partial class ClientConnection
{
    /// <summary>Longer payloads are no answers to anything that is asked.</summary>
    private const int MaxMetaPayloadBytes = 64 << 10;

    private void Receive()
    {
        string reason = "Unexpected end-of-file before all bytes were read";
        try
        {
            while (TryReceiveOne())
            {
            }
        }
        catch (BlockException failure)
        {
            reason = failure.Message;
        }

        Break(reason);
    }

    private void Break(string reason)
    {
        _transport.Shutdown();
        ClientRequest[] abandoned;
        bool isClosing;
        lock (_gate)
        {
            _failure = reason;
            isClosing = _isClosing;
            abandoned = [.. _waiting.OfType<ClientRequest>()];
            Array.Clear(_waiting);
        }

        if (!isClosing)
            Lost?.Invoke(this);
        foreach (ClientRequest request in abandoned)
            request.Fail(new ConnectionLostException(reason));
    }

    /// <summary>False at the end of the stream.</summary>
    private bool TryReceiveOne()
    {
        ReadOnlySpan<byte> start = _reader.Take(ReplyHeader.SimpleBytes, mayEnd: true);
        if (start.IsEmpty)
            return false;
        uint magic = BinaryPrimitives.ReadUInt32BigEndian(start);
        uint flagsAndType = BinaryPrimitives.ReadUInt32BigEndian(start[4..]);
        ulong cookie = BinaryPrimitives.ReadUInt64BigEndian(start[8..]);
        ClientRequest request = Find(cookie);
        bool isLast = true;
        if (magic == NbdMagic.SimpleReply && Export.Mode < NbdMode.Extended)
        {
            ReceiveSimple(request, flagsAndType);
        }
        else if (magic == ChunkMagic && Export.Mode >= NbdMode.Structured)
        {
            isLast = (flagsAndType >> 16 & ReplyHeader.DoneFlag) != 0;
            ReceiveChunk(request, (ReplyCode)(ushort)flagsAndType, ReadChunkLength());
        }
        else
        {
            throw ClientChannel.Protocol($"invalid magic (got 0x{magic:x})");
        }

        if (isLast)
            Complete(request, cookie);
        return true;
    }

    private uint ChunkMagic => Export.Mode >= NbdMode.Extended ? NbdMagic.ExtendedReply : NbdMagic.StructuredReply;

    private long ReadChunkLength()
    {
        if (Export.Mode < NbdMode.Extended)
            return BinaryPrimitives.ReadUInt32BigEndian(_reader.Take(sizeof(uint)));
        ReadOnlySpan<byte> rest = _reader.Take(2 * sizeof(ulong));
        ulong length = BinaryPrimitives.ReadUInt64BigEndian(rest[sizeof(ulong)..]);
        return length <= NbdLimits.MaxPayloadBytes + sizeof(ulong)
            ? (long)length
            : throw ClientChannel.Protocol("server chunk payload is too long");
    }

    private ClientRequest Find(ulong cookie)
    {
        int slot = (int)(cookie & 0xff);
        ClientRequest? request;
        lock (_gate)
            request = slot < MaxRequests ? _waiting[slot] : null;
        return request?.Header.Cookie == cookie
            ? request
            : throw ClientChannel.Protocol($"Protocol error: reply to an unknown request (cookie 0x{cookie:x})");
    }

    private void Complete(ClientRequest request, ulong cookie)
    {
        if (request.Errno == Errno.None && request.MissingBytes > 0)
            throw ClientChannel.Protocol("Protocol error: server did not send all data");
        lock (_gate)
            _waiting[cookie & 0xff] = null;
        request.Complete();
    }

    private void ReceiveSimple(ClientRequest request, uint error)
    {
        if (error != 0)
        {
            request.Errno = NbdError.ToErrno(error);
            return;
        }

        if (request.Header.Command == CommandCode.Read && Export.Mode >= NbdMode.Structured)
            throw ClientChannel.Protocol("Protocol error: simple reply when structured reply chunk was expected");
        _reader.Read(request.Destination);
        request.MissingBytes = 0;
    }

    private void ReceiveChunk(ClientRequest request, ReplyCode type, long length)
    {
        switch (type)
        {
            case ReplyCode.None when length == 0:
                break;
            case ReplyCode.OffsetData when request.Header.Command == CommandCode.Read && length > sizeof(ulong):
                ulong offset = BinaryPrimitives.ReadUInt64BigEndian(_reader.Take(sizeof(ulong)));
                IoVector target = PartOf(request, offset, length - sizeof(ulong));
                _reader.Read(target);
                request.MissingBytes -= target.Length;
                break;
            case ReplyCode.OffsetHole when request.Header.Command == CommandCode.Read
                && length == sizeof(ulong) + sizeof(uint):
                ReadOnlySpan<byte> hole = _reader.Take((int)length);
                IoVector zeroes = PartOf(
                    request,
                    BinaryPrimitives.ReadUInt64BigEndian(hole),
                    BinaryPrimitives.ReadUInt32BigEndian(hole[sizeof(ulong)..]));
                zeroes.Clear();
                request.MissingBytes -= zeroes.Length;
                break;
            case ReplyCode.BlockStatus or ReplyCode.BlockStatusExtended
                when request.Header.Command == CommandCode.BlockStatus:
                ReceiveStatus(request, length, isExtended: type == ReplyCode.BlockStatusExtended);
                break;
            default:
                ReceiveOtherChunk(request, type, length);
                break;
        }
    }

    private void ReceiveOtherChunk(ClientRequest request, ReplyCode type, long length)
    {
        if ((type & ReplyCode.ErrorBit) == 0)
            throw ClientChannel.Protocol($"Unexpected reply type: {(int)type} ({NbdNames.Of(type)})");
        if (length is < sizeof(uint) + sizeof(ushort) or > MaxMetaPayloadBytes)
            throw ClientChannel.Protocol("Protocol error: invalid payload for structured error");
        uint error = BinaryPrimitives.ReadUInt32BigEndian(_reader.Take((int)length));
        if (error == 0)
            throw ClientChannel.Protocol("Protocol error: server sent structured error chunk with error = 0");
        if (request.Errno == Errno.None)
            request.Errno = NbdError.ToErrno(error);
    }

    /// <summary>The part of a read that a chunk speaks of.</summary>
    private static IoVector PartOf(ClientRequest request, ulong offset, long length)
    {
        ulong start = request.Header.Offset;
        bool isInside = length > 0 && offset >= start && (ulong)length <= request.Header.Length
            && offset - start <= request.Header.Length - (ulong)length;
        return isInside
            ? request.Destination.Slice(new ByteRange((long)(offset - start), length))
            : throw ClientChannel.Protocol("Protocol error: server sent chunk exceeding requested region");
    }

    private void ReceiveStatus(ClientRequest request, long length, bool isExtended)
    {
        int headBytes = isExtended ? 2 * sizeof(uint) : sizeof(uint);
        int extentBytes = isExtended ? 2 * sizeof(ulong) : 2 * sizeof(uint);
        if (length < headBytes + extentBytes)
            throw ClientChannel.Protocol("Protocol error: invalid payload for NBD_REPLY_TYPE_BLOCK_STATUS");
        ReadOnlySpan<byte> chunk = _reader.Take(headBytes + extentBytes);
        uint context = BinaryPrimitives.ReadUInt32BigEndian(chunk);
        if (context != Export.StatusContext)
        {
            throw ClientChannel.Protocol(
                $"Protocol error: unexpected context id {context} for NBD_REPLY_TYPE_BLOCK_STATUS, "
                + $"when negotiated context id is {Export.StatusContext}");
        }

        chunk = chunk[headBytes..];
        ulong extent = isExtended
            ? BinaryPrimitives.ReadUInt64BigEndian(chunk) : BinaryPrimitives.ReadUInt32BigEndian(chunk);
        request.ExtentFlags = isExtended
            ? BinaryPrimitives.ReadUInt64BigEndian(chunk[sizeof(ulong)..])
            : BinaryPrimitives.ReadUInt32BigEndian(chunk[sizeof(uint)..]);
        if (extent == 0)
            throw ClientChannel.Protocol("Protocol error: server sent status chunk with zero length");
        // The end of an image that is no multiple of the block size: what cannot be said in blocks counts as data.
        uint block = Math.Max(Export.MinimumBytes, 1);
        if (extent < block)
        {
            extent = block;
            request.ExtentFlags = 0;
        }

        request.ExtentBytes = (long)Math.Min(extent / block * block, request.Header.Length);
        _reader.Skip(length - headBytes - extentBytes);
    }
}
