using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Client;

/// <summary>
/// The handshake from the server's greeting to a chosen export or to a list of exports. One thread; waits for the
/// server.
/// </summary>
internal sealed class ClientHandshake(Socket socket)
{
    private readonly ClientChannel _channel = new(NbdTransport.Create(socket));
    private NbdMode _mode;

    /// <summary>The connection as it is after the handshake; the caller's in any case.</summary>
    public INbdTransport Transport => _channel.Transport;

    /// <summary>Chooses an export and begins the transmission.</summary>
    /// <exception cref="BlockException">The server is none, or does not have it.</exception>
    public RemoteExport Choose(string export, NbdClientTls? tls, string? hostName, string? statusContext)
    {
        bool omitsZeroes = Greet(tls, hostName);
        if (_mode == NbdMode.ExportName)
            return ChooseByName(new RemoteExport { Name = export, Mode = _mode }, omitsZeroes);
        NegotiateHeaders();
        uint? context = _mode >= NbdMode.Structured
            ? SetContext(export, statusContext ?? MetaContextId.BaseAllocationName)
            : null;
        var found = new RemoteExport { Name = export, Mode = _mode, StatusContext = context };
        if (Ask(OptionCode.Go, found) is { } chosen)
            return chosen;
        // An old server: it knows no errors, so that it is asked first whether there is such an export.
        CheckListed(export);
        return ChooseByName(found, omitsZeroes);
    }

    /// <summary>Lists the exports with everything that the server tells of them, and says goodbye.</summary>
    /// <exception cref="BlockException">The server is none, or does not tell.</exception>
    public IReadOnlyList<RemoteExport> List(NbdClientTls? tls, string? hostName)
    {
        Greet(tls, hostName);
        if (_mode == NbdMode.ExportName)
            throw ClientChannel.Protocol("Server does not support export lists");
        NegotiateHeaders();
        List<RemoteExport> exports = ReceiveList();
        for (int i = 0; i < exports.Count; i++)
        {
            RemoteExport found = Ask(OptionCode.Info, exports[i] with { Mode = _mode }) ?? exports[i];
            exports[i] = found with { Contexts = _mode >= NbdMode.Structured ? ListContexts(found.Name) : [] };
        }

        _channel.Abort();
        return exports;
    }

    private bool Greet(NbdClientTls? tls, string? hostName)
    {
        ulong magic = _channel.ReadUInt64("initial magic");
        if (magic != NbdMagic.Greeting)
            throw ClientChannel.Protocol($"Bad initial magic received: 0x{magic:x}");
        magic = _channel.ReadUInt64("server magic");
        if (magic == NbdMagic.OldStyle)
            throw ClientChannel.Protocol("Server speaks the oldstyle handshake, which is not supported");
        if (magic != NbdMagic.Option)
            throw ClientChannel.Protocol($"Bad server magic received: 0x{magic:x}");
        var server = (HandshakeFlags)_channel.ReadUInt16("server flags");
        HandshakeFlags both = server & (HandshakeFlags.FixedNewStyle | HandshakeFlags.NoZeroes);
        byte[] answer = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(answer, (uint)both);
        _channel.Write(answer, "clientflags field");
        _mode = (both & HandshakeFlags.FixedNewStyle) != 0 ? NbdMode.Simple : NbdMode.ExportName;
        if (tls is not null)
            StartTls(tls, hostName);
        return (both & HandshakeFlags.NoZeroes) != 0;
    }

    private void StartTls(NbdClientTls tls, string? hostName)
    {
        if (_mode == NbdMode.ExportName)
            throw ClientChannel.Protocol("Server does not support STARTTLS");
        if (!RequestSimple(OptionCode.StartTls, isStrict: true))
            throw _channel.Violation("Server don't support STARTTLS option");
        _channel.Transport = new StreamTransport(tls.Authenticate(socket, hostName), socket);
    }

    private void NegotiateHeaders()
    {
        if (RequestSimple(OptionCode.ExtendedHeaders, isStrict: false))
            _mode = NbdMode.Extended;
        else if (RequestSimple(OptionCode.StructuredReply, isStrict: false))
            _mode = NbdMode.Structured;
    }

    /// <summary>Asks for something that is granted or not; false where the server does not know it.</summary>
    private bool RequestSimple(OptionCode option, bool isStrict)
    {
        _channel.SendOption(option, []);
        OptionReply reply = _channel.Receive(option);
        if (reply.IsError)
        {
            bool isTolerable = reply.Type == OptionReplyCode.Unsupported || !isStrict;
            return isTolerable ? false : throw Refused(option, reply);
        }

        if (reply.Type != OptionReplyCode.Acknowledge)
        {
            throw _channel.Violation(
                $"Server answered option {(uint)option} ({NbdNames.Of(option)}) with unexpected "
                + $"reply {(uint)reply.Type} ({NbdNames.Of(reply.Type)})");
        }

        if (reply.Payload.Length == 0)
            return true;
        throw _channel.Violation(
            $"Option {(uint)option} ('{NbdNames.Of(option)}') response length is {reply.Payload.Length}"
            + " (it should be zero)");
    }

    private uint? SetContext(string export, string context)
    {
        uint? id = null;
        foreach (OptionReply reply in AskContexts(OptionCode.SetMetaContext, export, context))
        {
            if (id is not null)
                throw _channel.Violation("Server answered with more than one context");
            string name = Encoding.UTF8.GetString(reply.Payload, sizeof(uint), reply.Payload.Length - sizeof(uint));
            if (name != context)
            {
                throw _channel.Violation(
                    $"Failed to negotiate meta context '{context}', server answered with different context '{name}'");
            }

            id = BinaryPrimitives.ReadUInt32BigEndian(reply.Payload);
        }

        return id;
    }

    private List<string> ListContexts(string export) =>
        [.. AskContexts(OptionCode.ListMetaContext, export, null)
            .Select(reply => Encoding.UTF8.GetString(reply.Payload.AsSpan(sizeof(uint))))];

    private List<OptionReply> AskContexts(OptionCode option, string export, string? query)
    {
        byte[] name = Encoding.UTF8.GetBytes(export);
        byte[] words = Encoding.UTF8.GetBytes(query ?? "");
        byte[] payload = new byte[(2 * sizeof(uint)) + name.Length + (query is null ? 0 : sizeof(uint) + words.Length)];
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)name.Length);
        name.CopyTo(payload, sizeof(uint));
        Span<byte> rest = payload.AsSpan(sizeof(uint) + name.Length);
        BinaryPrimitives.WriteUInt32BigEndian(rest, query is null ? 0u : 1u);
        if (query is not null)
        {
            BinaryPrimitives.WriteUInt32BigEndian(rest[sizeof(uint)..], (uint)words.Length);
            words.CopyTo(rest[(2 * sizeof(uint))..]);
        }

        _channel.SendOption(option, payload);
        var found = new List<OptionReply>();
        while (true)
        {
            OptionReply reply = _channel.Receive(option);
            // A server without contexts is as good as one that has none of these.
            if (reply.IsError || reply.Type == OptionReplyCode.Acknowledge)
                return found;
            if (reply.Type != OptionReplyCode.MetaContext)
            {
                throw _channel.Violation(
                    $"Unexpected reply type {(uint)reply.Type} ({NbdNames.Of(reply.Type)}), "
                    + $"expected {(uint)OptionReplyCode.MetaContext} (meta context)");
            }

            if (reply.Payload.Length <= sizeof(uint) || found.Count == NbdLimits.MaxOptions)
            {
                throw _channel.Violation(
                    "Failed to negotiate meta context, server answered with unexpected length "
                    + reply.Payload.Length);
            }

            found.Add(reply);
        }
    }

    /// <summary>INFO or GO; null where the server does not know the option.</summary>
    private RemoteExport? Ask(OptionCode option, RemoteExport found)
    {
        byte[] name = Encoding.UTF8.GetBytes(found.Name);
        byte[] payload = new byte[sizeof(uint) + name.Length + (2 * sizeof(ushort))];
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)name.Length);
        name.CopyTo(payload, sizeof(uint));
        Span<byte> rest = payload.AsSpan(sizeof(uint) + name.Length);
        BinaryPrimitives.WriteUInt16BigEndian(rest, 1);
        BinaryPrimitives.WriteUInt16BigEndian(rest[sizeof(ushort)..], (ushort)InfoCode.BlockSize);
        _channel.SendOption(option, payload);
        bool isComplete = false;
        while (true)
        {
            OptionReply reply = _channel.Receive(option);
            if (reply.Type == OptionReplyCode.Unsupported)
                return null;
            if (reply.IsError)
                throw Refused(option, reply);
            if (reply.Type == OptionReplyCode.Acknowledge)
                return isComplete ? found : throw ClientChannel.Protocol("broken server omitted NBD_INFO_EXPORT");
            if (reply.Type != OptionReplyCode.Info)
            {
                throw _channel.Violation(
                    $"unexpected reply type {(uint)reply.Type} ({NbdNames.Of(reply.Type)}), expected 3 (info)");
            }

            found = ExportInfoReader.Apply(_channel, found, reply.Payload, ref isComplete);
        }
    }

    private RemoteExport ChooseByName(RemoteExport found, bool omitsZeroes)
    {
        const int ZeroBytes = 124;
        _channel.SendOption(OptionCode.ExportName, Encoding.UTF8.GetBytes(found.Name));
        ulong length = _channel.ReadUInt64("export length");
        ushort flags = _channel.ReadUInt16("export flags");
        if (!omitsZeroes)
            _channel.Read(new byte[ZeroBytes], "reserved block");
        return found with
        {
            LengthBytes = ExportInfoReader.CheckLength(length), Flags = (TransmissionFlags)flags,
        };
    }

    private void CheckListed(string export)
    {
        if (ReceiveList().Exists(found => found.Name == export))
            return;
        throw _channel.Violation($"No export with name '{export}' available");
    }

    private List<RemoteExport> ReceiveList()
    {
        const OptionCode Option = OptionCode.List;
        _channel.SendOption(Option, []);
        var exports = new List<RemoteExport>();
        while (true)
        {
            OptionReply reply = _channel.Receive(Option);
            if (reply.IsError)
                throw Refused(Option, reply);
            if (reply.Type == OptionReplyCode.Acknowledge)
                return exports;
            if (reply.Type != OptionReplyCode.Server)
            {
                throw _channel.Violation(
                    $"Unexpected reply type {(uint)reply.Type} ({NbdNames.Of(reply.Type)}), expected 2 (server)");
            }

            if (reply.Payload.Length < sizeof(uint))
                throw _channel.Violation($"incorrect option length {reply.Payload.Length}");
            uint nameLength = BinaryPrimitives.ReadUInt32BigEndian(reply.Payload);
            if (nameLength > reply.Payload.Length - sizeof(uint) || exports.Count == NbdLimits.MaxOptions)
                throw _channel.Violation("incorrect name length in server's list response");
            ReadOnlySpan<byte> text = reply.Payload.AsSpan(sizeof(uint));
            exports.Add(new RemoteExport
            {
                Name = Encoding.UTF8.GetString(text[..(int)nameLength]),
                Description = Encoding.UTF8.GetString(text[(int)nameLength..]),
            });
        }
    }

    private BlockException Refused(OptionCode option, OptionReply reply)
    {
        _channel.Abort();
        return ClientChannel.Refusal(option, reply);
    }
}
