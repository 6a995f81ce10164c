using System.Buffers.Binary;
using System.Text;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Server;

/// <summary>
/// The messages of the handshake as a server reads and writes them. One thread; waits for the client.
/// </summary>
internal sealed class HandshakeChannel(INbdTransport transport)
{
    private const string EndOfStream = "Unexpected end-of-file before all bytes were read";

    private byte[] _reply = new byte[256];
    private int _used;

    /// <summary>Replaced when encryption starts.</summary>
    public INbdTransport Transport { get; set; } = transport;

    /// <summary>Fills <paramref name="destination"/>; false where the client has gone.</summary>
    public bool TryRead(Span<byte> destination, out string? failure)
    {
        failure = null;
        try
        {
            while (!destination.IsEmpty)
            {
                int count = Transport.Receive(destination);
                if (count == 0)
                {
                    failure = EndOfStream;
                    return false;
                }

                destination = destination[count..];
            }

            return true;
        }
        catch (BlockException e)
        {
            failure = e.Message;
            return false;
        }
    }

    /// <exception cref="NegotiationException">The client has gone.</exception>
    public void Read(Span<byte> destination, string what)
    {
        if (!TryRead(destination, out string? failure))
            throw new NegotiationException($"Failed to read {what}: {failure}");
    }

    public uint ReadUInt32(string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        Read(bytes, what);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    public ulong ReadUInt64(string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Read(bytes, what);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    /// <summary>Reads and forgets.</summary>
    public void Skip(long count)
    {
        Span<byte> scratch = stackalloc byte[1024];
        while (count > 0)
        {
            int part = (int)Math.Min(count, scratch.Length);
            Read(scratch[..part], "option payload");
            count -= part;
        }
    }

    /// <summary>Begins an answer to an option.</summary>
    public HandshakeChannel Begin(OptionCode option, OptionReplyCode type)
    {
        _used = 0;
        Append(NbdMagic.OptionReply);
        Append((uint)option);
        Append((uint)type);
        return Append(0u);
    }

    public HandshakeChannel Append(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Reserve(sizeof(ulong)), value);
        return this;
    }

    public HandshakeChannel Append(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Reserve(sizeof(uint)), value);
        return this;
    }

    public HandshakeChannel Append(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Reserve(sizeof(ushort)), value);
        return this;
    }

    public HandshakeChannel Append(string text)
    {
        Span<byte> target = Reserve(Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, target);
        return this;
    }

    /// <summary>Sends the answer begun last.</summary>
    /// <exception cref="NegotiationException">The client has gone.</exception>
    public void Finish()
    {
        const int HeaderBytes = 20;
        BinaryPrimitives.WriteUInt32BigEndian(_reply.AsSpan(HeaderBytes - sizeof(uint)), (uint)(_used - HeaderBytes));
        Send(_reply.AsMemory(0, _used));
    }

    /// <summary>Sends an answer without payload.</summary>
    public void Acknowledge(OptionCode option) => Begin(option, OptionReplyCode.Acknowledge).Finish();

    /// <summary>Sends an error with its text.</summary>
    public void Refuse(OptionCode option, OptionReplyCode type, string text) =>
        Begin(option, type).Append(text).Finish();

    /// <exception cref="NegotiationException">The client has gone.</exception>
    public void Send(Memory<byte> bytes)
    {
        try
        {
            Transport.Send([bytes]);
        }
        catch (BlockException e)
        {
            throw new NegotiationException($"write failed: {e.Message}");
        }
    }

    private Span<byte> Reserve(int count)
    {
        if (_reply.Length - _used < count)
            Array.Resize(ref _reply, Math.Max(_reply.Length * 2, _used + count));
        _used += count;
        return _reply.AsSpan(_used - count, count);
    }
}
