using System.Buffers.Binary;
using System.Text;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <content>The options that are about exports.</content>
internal sealed partial class ServerHandshake
{
    private void SendExportList()
    {
        foreach (NbdExport export in _exports)
        {
            _channel.Begin(OptionCode.List, OptionReplyCode.Server)
                .Append((uint)Encoding.UTF8.GetByteCount(export.Name))
                .Append(export.Name)
                .Append(export.Description ?? "")
                .Finish();
        }

        _channel.Acknowledge(OptionCode.List);
    }

    /// <summary>The oldest way to choose an export, which knows no errors.</summary>
    private NegotiatedSession AnswerExportName(int length)
    {
        const int ReplyBytes = 134;
        const int ReplyBytesWithoutZeroes = 10;
        if (_mode >= NbdMode.Extended)
            throw new NegotiationException("Extended headers already negotiated");
        if (length > NbdLimits.MaxStringBytes)
            throw new NegotiationException("Bad length received");
        byte[] name = new byte[length];
        _channel.Read(name, "export name");
        NbdExport export = Find(Encoding.UTF8.GetString(name)) ?? throw new NegotiationException("export not found");
        MetaContextSelection contexts = ContextsOf(export);
        byte[] reply = new byte[_omitsZeroes ? ReplyBytesWithoutZeroes : ReplyBytes];
        BinaryPrimitives.WriteUInt64BigEndian(reply, (ulong)export.LengthBytes);
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(8), (ushort)FlagsOf(export, hasContexts: false));
        _channel.Send(reply);
        return new NegotiatedSession(export, _mode, contexts);
    }

    private NegotiatedSession? AnswerInfo(OptionCode option, byte[] bytes)
    {
        var payload = new OptionPayload(option, bytes);
        string name = payload.ReadName();
        bool wantsName = false;
        bool obeysBlockSize = false;
        for (int left = payload.ReadUInt16(); left > 0; left--)
        {
            var wanted = (InfoCode)payload.ReadUInt16();
            wantsName |= wanted == InfoCode.Name;
            obeysBlockSize |= wanted == InfoCode.BlockSize;
        }

        if (!payload.IsEmpty)
            throw new InvalidOptionException($"option '{NbdNames.Of(option)}' has unexpected length");
        if (Find(name) is not { } export)
        {
            _channel.Refuse(option, OptionReplyCode.Unknown, $"export '{Shorten(name)}' not present");
            return null;
        }

        SendInfo(option, export, wantsName ? name : null, obeysBlockSize);
        int alignment = export.Backend.Root.Limits.RequestAlignmentBytes;
        if (option == OptionCode.Info && !obeysBlockSize && alignment > 1)
        {
            _channel.Refuse(
                option, OptionReplyCode.BlockSizeRequired, "request NBD_INFO_BLOCK_SIZE to use this export");
            return null;
        }

        _channel.Acknowledge(option);
        return option == OptionCode.Go ? new NegotiatedSession(export, _mode, ContextsOf(export)) : null;
    }

    private void SendInfo(OptionCode option, NbdExport export, string? name, bool obeysBlockSize)
    {
        const uint PreferredBytes = 4096;
        if (name is not null)
            BeginInfo(option, InfoCode.Name).Append(name).Finish();
        if (export.Description is { } description)
            BeginInfo(option, InfoCode.Description).Append(description).Finish();

        // Clients that do not ask for the minimum do not obey it, and need not: then every length is right.
        var limits = export.Backend.Root.Limits;
        bool tellsMinimum = option == OptionCode.Info || obeysBlockSize;
        uint minimum = tellsMinimum ? (uint)limits.RequestAlignmentBytes : 1;
        long maximum = limits.MaxTransferBytes == 0
            ? NbdLimits.MaxPayloadBytes
            : Math.Min(limits.MaxTransferBytes, NbdLimits.MaxPayloadBytes);
        BeginInfo(option, InfoCode.BlockSize)
            .Append(minimum)
            .Append(Math.Max(PreferredBytes, minimum))
            .Append((uint)maximum)
            .Finish();

        bool hasContexts = option == OptionCode.Info || ContextsOf(export).Count > 0;
        BeginInfo(option, InfoCode.Export)
            .Append((ulong)export.LengthBytes)
            .Append((ushort)FlagsOf(export, hasContexts))
            .Finish();
    }

    private HandshakeChannel BeginInfo(OptionCode option, InfoCode info) =>
        _channel.Begin(option, OptionReplyCode.Info).Append((ushort)info);

    private TransmissionFlags FlagsOf(NbdExport export, bool hasContexts)
    {
        TransmissionFlags flags = export.Flags(_allowsSeveralConnections);
        if (_mode >= NbdMode.Structured)
            flags |= TransmissionFlags.SendDoNotFragment;
        if (_mode >= NbdMode.Extended && hasContexts)
            flags |= TransmissionFlags.BlockStatusPayload;
        return flags;
    }

    /// <summary>What was chosen counts for the export that it was chosen for.</summary>
    private MetaContextSelection ContextsOf(NbdExport export) =>
        _contexts?.Export == export ? _contexts : new MetaContextSelection(export);

    private void AnswerMetaContext(OptionCode option, byte[] bytes)
    {
        bool isList = option == OptionCode.ListMetaContext;
        if (!isList && _mode < NbdMode.Structured)
        {
            throw new InvalidOptionException(
                $"request option '{NbdNames.Of(option)}' when structured reply is not negotiated");
        }

        if (!isList)
            _contexts = null;
        var payload = new OptionPayload(option, bytes);
        string name = payload.ReadName();
        if (Find(name) is not { } export)
        {
            _channel.Refuse(option, OptionReplyCode.Unknown, $"export '{Shorten(name)}' not present");
            return;
        }

        var selection = new MetaContextSelection(export);
        uint queries = payload.ReadUInt32();
        if (isList && queries == 0)
            selection.AddAll();
        for (uint i = 0; i < queries; i++)
        {
            if (payload.ReadQuery() is { } query)
                selection.Add(query, isList);
        }

        foreach ((uint id, string context) in selection.Enumerate())
            _channel.Begin(option, OptionReplyCode.MetaContext).Append(isList ? 0 : id).Append(context).Finish();
        _channel.Acknowledge(option);
        if (!isList)
            _contexts = selection;
    }
}
