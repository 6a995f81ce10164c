using System.Buffers.Binary;
using System.Text;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Server;

/// <summary>
/// The fixed newstyle handshake, from the greeting to a chosen export, on the connection's own thread.
/// <code>
/// server: "NBDMAGIC" "IHAVEOPT" flags 2      client: flags 4
/// client: "IHAVEOPT" option 4, length 4, payload ...   until EXPORT_NAME or GO
/// </code>
/// </summary>
internal sealed partial class ServerHandshake
{
    private readonly HandshakeChannel _channel;
    private readonly IReadOnlyList<NbdExport> _exports;
    private readonly Func<INbdTransport>? _startTls;
    private readonly bool _allowsSeveralConnections;
    private NbdMode _mode = NbdMode.ExportName;
    private bool _omitsZeroes;
    private bool _isEncrypted;
    private MetaContextSelection? _contexts;

    /// <param name="transport">The connection.</param>
    /// <param name="exports">What there is; the first is the default.</param>
    /// <param name="startTls">Encrypts the connection and returns what replaces the transport; null: TLS is not
    /// offered. Where it is, it is required.</param>
    /// <param name="allowsSeveralConnections">A client may open more than one.</param>
    public ServerHandshake(
        INbdTransport transport,
        IReadOnlyList<NbdExport> exports,
        Func<INbdTransport>? startTls,
        bool allowsSeveralConnections)
    {
        _channel = new HandshakeChannel(transport);
        _exports = exports;
        _startTls = startTls;
        _allowsSeveralConnections = allowsSeveralConnections;
    }

    /// <summary>The connection as it is after the handshake.</summary>
    public INbdTransport Transport => _channel.Transport;

    /// <summary>Does the handshake; null where the client only looked, or said goodbye.</summary>
    /// <exception cref="NegotiationException">The client has gone, or broke the protocol.</exception>
    public NegotiatedSession? Run()
    {
        if (!TryGreet())
            return null;
        uint flags = ReadClientFlags(out bool hasGone);
        if (hasGone)
            return null;
        ApplyClientFlags((HandshakeFlags)flags);
        for (int count = 0; count < NbdLimits.MaxOptions; count++)
        {
            (OptionCode option, int length) = ReadOption();
            if (Answer(option, length, out bool isOver) is { } session)
                return session;
            if (isOver)
                return null;
        }

        throw new NegotiationException("too many options");
    }

    private bool TryGreet()
    {
        byte[] greeting = new byte[18];
        BinaryPrimitives.WriteUInt64BigEndian(greeting, NbdMagic.Greeting);
        BinaryPrimitives.WriteUInt64BigEndian(greeting.AsSpan(8), NbdMagic.Option);
        HandshakeFlags flags = HandshakeFlags.FixedNewStyle | HandshakeFlags.NoZeroes;
        BinaryPrimitives.WriteUInt16BigEndian(greeting.AsSpan(16), (ushort)flags);
        try
        {
            _channel.Send(greeting);
            return true;
        }
        catch (NegotiationException)
        {
            // Somebody tested whether the port is alive.
            return false;
        }
    }

    private uint ReadClientFlags(out bool hasGone)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        hasGone = !_channel.TryRead(bytes, out _);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private void ApplyClientFlags(HandshakeFlags flags)
    {
        if ((flags & HandshakeFlags.FixedNewStyle) != 0)
            _mode = NbdMode.Simple;
        _omitsZeroes = (flags & HandshakeFlags.NoZeroes) != 0;
        HandshakeFlags unknown = flags & ~(HandshakeFlags.FixedNewStyle | HandshakeFlags.NoZeroes);
        if (unknown != 0)
            throw new NegotiationException($"Unknown client flags 0x{(uint)unknown:x} received");
    }

    private (OptionCode Option, int Length) ReadOption()
    {
        if (_channel.ReadUInt64("opts magic") != NbdMagic.Option)
            throw new NegotiationException("Bad magic received");
        uint option = _channel.ReadUInt32("option");
        uint length = _channel.ReadUInt32("option length");
        if (length > NbdLimits.MaxPayloadBytes)
        {
            throw new NegotiationException(
                $"len ({length}) is larger than max len ({NbdLimits.MaxPayloadBytes})");
        }

        return ((OptionCode)option, (int)length);
    }

    /// <summary>Answers one option; returns the session where it was the last one.</summary>
    private NegotiatedSession? Answer(OptionCode option, int length, out bool isOver)
    {
        isOver = false;
        if (_startTls is not null && !_isEncrypted)
        {
            isOver = AnswerBeforeTls(option, length);
            return null;
        }

        if (option == OptionCode.ExportName)
            return AnswerExportName(length);
        if (_mode == NbdMode.ExportName)
            throw new NegotiationException($"Unsupported option {(uint)option} ({NbdNames.Of(option)})");
        if (option == OptionCode.Abort)
        {
            Skip(length);
            AcknowledgeAbort();
            isOver = true;
            return null;
        }

        try
        {
            return AnswerNegotiable(option, length);
        }
        catch (InvalidOptionException malformed)
        {
            _channel.Refuse(option, OptionReplyCode.Invalid, malformed.Message);
            return null;
        }
    }

    private NegotiatedSession? AnswerNegotiable(OptionCode option, int length)
    {
        switch (option)
        {
            case OptionCode.List:
                RejectPayload(option, length);
                SendExportList();
                return null;
            case OptionCode.Info or OptionCode.Go:
                return AnswerInfo(option, ReadPayload(option, length));
            case OptionCode.StartTls:
                RejectPayload(option, length);
                if (_isEncrypted)
                    _channel.Refuse(option, OptionReplyCode.Invalid, "TLS already enabled");
                else
                    _channel.Refuse(option, OptionReplyCode.Policy, "TLS not configured");
                return null;
            case OptionCode.StructuredReply:
                RejectPayload(option, length);
                AnswerStructuredReply();
                return null;
            case OptionCode.ExtendedHeaders:
                RejectPayload(option, length);
                AnswerExtendedHeaders();
                return null;
            case OptionCode.ListMetaContext or OptionCode.SetMetaContext:
                AnswerMetaContext(option, ReadPayload(option, length));
                return null;
            default:
                Skip(length);
                _channel.Refuse(
                    option, OptionReplyCode.Unsupported, $"Unsupported option {(uint)option} ({NbdNames.Of(option)})");
                return null;
        }
    }

    /// <summary>A client that may not know anything yet; true where it says goodbye.</summary>
    private bool AnswerBeforeTls(OptionCode option, int length)
    {
        if (_mode == NbdMode.ExportName)
            throw new NegotiationException($"Unsupported option 0x{(uint)option:x}");
        switch (option)
        {
            case OptionCode.StartTls when length > 0:
                Skip(length);
                string complaint = $"option '{NbdNames.Of(option)}' has unexpected length";
                _channel.Refuse(option, OptionReplyCode.Invalid, complaint);
                throw new NegotiationException(complaint);
            case OptionCode.StartTls:
                _channel.Acknowledge(option);
                StartTls();
                return false;
            case OptionCode.ExportName:
                throw new NegotiationException($"Option 0x{(uint)option:x} not permitted before TLS");
            default:
                Skip(length);
                try
                {
                    _channel.Refuse(
                        option, OptionReplyCode.TlsRequired, $"Option 0x{(uint)option:x} not permitted before TLS");
                }
                catch (NegotiationException) when (option == OptionCode.Abort)
                {
                    // It did not wait for an answer, and need not.
                }

                return option == OptionCode.Abort;
        }
    }

    private void StartTls()
    {
        try
        {
            _channel.Transport = _startTls!();
            _isEncrypted = true;
        }
        catch (BlockException failure)
        {
            throw new NegotiationException(failure.Message);
        }
    }

    private void AcknowledgeAbort()
    {
        try
        {
            _channel.Acknowledge(OptionCode.Abort);
        }
        catch (NegotiationException)
        {
            // It did not wait for an answer, and need not.
        }
    }

    private void AnswerStructuredReply()
    {
        const OptionCode Option = OptionCode.StructuredReply;
        if (_mode >= NbdMode.Extended)
        {
            _channel.Refuse(
                Option, OptionReplyCode.ExtendedHeadersRequired, "extended headers already negotiated");
        }
        else if (_mode >= NbdMode.Structured)
        {
            _channel.Refuse(Option, OptionReplyCode.Invalid, "structured reply already negotiated");
        }
        else
        {
            _channel.Acknowledge(Option);
            _mode = NbdMode.Structured;
        }
    }

    private void AnswerExtendedHeaders()
    {
        const OptionCode Option = OptionCode.ExtendedHeaders;
        if (_mode >= NbdMode.Extended)
        {
            _channel.Refuse(Option, OptionReplyCode.Invalid, "extended headers already negotiated");
            return;
        }

        _channel.Acknowledge(Option);
        _mode = NbdMode.Extended;
    }

    private void RejectPayload(OptionCode option, int length)
    {
        if (length == 0)
            return;
        Skip(length);
        throw new InvalidOptionException($"option '{NbdNames.Of(option)}' has unexpected length");
    }

    private void Skip(int length) => _channel.Skip(length);

    private byte[] ReadPayload(OptionCode option, int length)
    {
        // Nothing sensible is that long; what is not believed is not stored either.
        const int MaxOptionBytes = 1 << 20;
        if (length > MaxOptionBytes)
        {
            Skip(length);
            throw new InvalidOptionException($"option '{NbdNames.Of(option)}' has unexpected length");
        }

        byte[] payload = new byte[length];
        _channel.Read(payload, "option payload");
        return payload;
    }

    private NbdExport? Find(string name) => _exports.FirstOrDefault(export => export.Name == name);

    private static string Shorten(string name)
    {
        const int ShownBytes = 80;
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length < ShownBytes ? name : Encoding.UTF8.GetString(bytes, 0, ShownBytes) + "...";
    }
}
