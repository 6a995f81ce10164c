using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Tests.Support;

/// <summary>A client that sends exactly the bytes it is told to, right or wrong.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public RawClient(string path)
    {
        _socket.ReceiveTimeout = 10_000;
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    /// <summary>The greeting, answered with these flags.</summary>
    public RawClient Greet(uint flags = 3)
    {
        byte[] greeting = Read(18);
        Assert.Equal("NBDMAGICIHAVEOPT"u8.ToArray(), greeting[..16]);
        return Send(Number(flags));
    }

    public RawClient Send(params ReadOnlySpan<byte[]> pieces)
    {
        foreach (byte[] piece in pieces)
            _socket.Send(piece);
        return this;
    }

    public RawClient SendOption(OptionCode option, params byte[] payload) =>
        Send([.. Number(NbdMagic.Option), .. Number((uint)option), .. Number((uint)payload.Length), .. payload]);

    public (OptionReplyCode Type, byte[] Payload) ReadReply(OptionCode option)
    {
        byte[] header = Read(20);
        Assert.Equal(NbdMagic.OptionReply, BinaryPrimitives.ReadUInt64BigEndian(header));
        Assert.Equal((uint)option, BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(8)));
        byte[] payload = Read((int)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(16)));
        return ((OptionReplyCode)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(12)), payload);
    }

    /// <summary>Chooses the default export, after the options that come without payload.</summary>
    public RawClient Go(params OptionCode[] before)
    {
        Greet();
        foreach (OptionCode option in before)
        {
            SendOption(option);
            Assert.Equal(OptionReplyCode.Acknowledge, ReadReply(option).Type);
        }

        SendOption(OptionCode.Go, [.. Number(0u), 0, 0]);
        while (ReadReply(OptionCode.Go).Type != OptionReplyCode.Acknowledge)
        {
        }

        return this;
    }

    public RawClient SendRequest(RequestHeader header, NbdMode mode = NbdMode.Simple)
    {
        byte[] bytes = new byte[RequestHeader.SizeBytes(mode)];
        header.Write(bytes, mode);
        return Send(bytes);
    }

    /// <summary>A simple reply's error.</summary>
    public uint ReadSimple(ulong cookie)
    {
        byte[] header = Read(16);
        Assert.Equal(NbdMagic.SimpleReply, BinaryPrimitives.ReadUInt32BigEndian(header));
        Assert.Equal(cookie, BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(8)));
        return BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4));
    }

    /// <summary>A chunk of a structured or extended reply.</summary>
    public (ReplyCode Type, bool IsLast, byte[] Payload) ReadChunk(NbdMode mode)
    {
        byte[] header = Read(ReplyHeader.ChunkBytes(mode));
        bool extended = mode >= NbdMode.Extended;
        Assert.Equal(
            extended ? NbdMagic.ExtendedReply : NbdMagic.StructuredReply, BinaryPrimitives.ReadUInt32BigEndian(header));
        int length = extended
            ? (int)BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(24))
            : (int)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(16));
        return ((ReplyCode)BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(6)), (header[5] & 1) != 0, Read(length));
    }

    /// <summary>The error of an error chunk.</summary>
    public (uint Error, string Text) ReadErrorChunk(NbdMode mode)
    {
        (ReplyCode type, bool isLast, byte[] payload) = ReadChunk(mode);
        Assert.Equal(ReplyCode.Error, type);
        Assert.True(isLast);
        return (BinaryPrimitives.ReadUInt32BigEndian(payload), Encoding.UTF8.GetString(payload.AsSpan(6)));
    }

    public byte[] Read(int count)
    {
        byte[] bytes = new byte[count];
        for (int done = 0; done < count;)
        {
            int received = _socket.Receive(bytes.AsSpan(done));
            Assert.True(received > 0, "the server closed the connection");
            done += received;
        }

        return bytes;
    }

    /// <summary>The server closes the connection, whatever it still sends before.</summary>
    public void ExpectEnd()
    {
        byte[] rest = new byte[4096];
        try
        {
            while (_socket.Receive(rest) > 0)
            {
            }
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Closed with something of ours unread.
        }
    }

    public void Dispose() => _socket.Dispose();

    public static byte[] Number(uint value)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    public static byte[] Number(ulong value)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }
}
