using System.Buffers.Binary;
using System.Text;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Client;

/// <summary>
/// The messages of the handshake as a client writes and reads them. One thread; waits for the server.
/// </summary>
internal sealed class ClientChannel(INbdTransport transport)
{
    private const string EndOfStream = "Unexpected end-of-file before all bytes were read";

    /// <summary>Replaced when encryption starts.</summary>
    public INbdTransport Transport { get; set; } = transport;

    /// <exception cref="BlockException">"Failed to read WHAT: ...".</exception>
    public void Read(Span<byte> destination, string what)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int count = Transport.Receive(destination);
                if (count == 0)
                    throw Protocol(EndOfStream);
                destination = destination[count..];
            }
        }
        catch (BlockException failure)
        {
            throw failure.Prepend($"Failed to read {what}: ");
        }
    }

    public ulong ReadUInt64(string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Read(bytes, what);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    public ushort ReadUInt16(string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        Read(bytes, what);
        return BinaryPrimitives.ReadUInt16BigEndian(bytes);
    }

    public void Write(byte[] bytes, string what)
    {
        try
        {
            Transport.Send([bytes]);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend($"Failed to send {what}: ");
        }
    }

    /// <summary>Sends an option.</summary>
    public void SendOption(OptionCode option, ReadOnlySpan<byte> payload)
    {
        const int HeaderBytes = 16;
        byte[] message = new byte[HeaderBytes + payload.Length];
        BinaryPrimitives.WriteUInt64BigEndian(message, NbdMagic.Option);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(8), (uint)option);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(12), (uint)payload.Length);
        payload.CopyTo(message.AsSpan(HeaderBytes));
        Write(message, "option request header");
    }

    /// <summary>Says goodbye; whether that is heard does not matter.</summary>
    public void Abort()
    {
        try
        {
            SendOption(OptionCode.Abort, []);
        }
        catch (BlockException)
        {
            // The server was faster.
        }
    }

    /// <summary>One answer to <paramref name="option"/>, of whatever kind.</summary>
    /// <exception cref="BlockException">It is none.</exception>
    public OptionReply Receive(OptionCode option)
    {
        const int HeaderBytes = 20;
        Span<byte> header = stackalloc byte[HeaderBytes];
        Read(header, "option reply");
        if (BinaryPrimitives.ReadUInt64BigEndian(header) != NbdMagic.OptionReply)
            throw Violation("Unexpected option reply magic");
        var answered = (OptionCode)BinaryPrimitives.ReadUInt32BigEndian(header[8..]);
        var type = (OptionReplyCode)BinaryPrimitives.ReadUInt32BigEndian(header[12..]);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header[16..]);
        if (answered != option)
        {
            throw Violation($"Unexpected option type {(uint)answered} ({NbdNames.Of(answered)}), "
                + $"expected {(uint)option} ({NbdNames.Of(option)})");
        }

        // The longest honest answer is a name and a description.
        if (length > (2 * NbdLimits.MaxStringBytes) + (2 * sizeof(uint)))
        {
            throw Violation((type & OptionReplyCode.ErrorBit) != 0
                ? $"server error {(uint)type} ({NbdNames.Of(type)}) message is too long"
                : $"incorrect option length {length}");
        }

        byte[] payload = new byte[length];
        Read(payload, "option reply payload");
        return new OptionReply(type, payload);
    }

    /// <summary>The failure that an error stands for.</summary>
    public static BlockException Refusal(OptionCode option, OptionReply reply)
    {
        string which = $"option {(uint)option} ({NbdNames.Of(option)})";
        string hint = "";
        string text = reply.Type switch
        {
            OptionReplyCode.Policy => $"Denied by server for {which}",
            OptionReplyCode.Invalid => $"Invalid parameters for {which}",
            OptionReplyCode.Platform => $"Server lacks support for {which}",
            OptionReplyCode.TlsRequired => $"TLS negotiation required before {which}",
            OptionReplyCode.Unknown => "Requested export not available",
            OptionReplyCode.Shutdown => $"Server shutting down before {which}",
            OptionReplyCode.BlockSizeRequired => $"Server requires INFO_BLOCK_SIZE for {which}",
            _ => $"Unknown error code when asking for {which}",
        };
        if (reply.Type == OptionReplyCode.TlsRequired)
            hint = "Did you forget a valid tls-creds?\n";
        if (reply.Payload.Length > 0)
            hint += $"server reported: {Encoding.UTF8.GetString(reply.Payload)}\n";
        return new BlockException(BlockErrorKind.InvalidArgument, Errno.Invalid, text)
        {
            Hint = hint.Length > 0 ? hint : null,
        };
    }

    /// <summary>The server broke the protocol: it is told goodbye.</summary>
    public BlockException Violation(string text)
    {
        Abort();
        return Protocol(text);
    }

    public static BlockException Protocol(string text) =>
        new(BlockErrorKind.InputOutput, Errno.Invalid, text);
}
