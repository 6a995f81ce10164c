using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>
/// What requests a server takes, and what it tells those who send others. Pure. The order of the checks is QEMU's,
/// because clients see which one came first.
/// </summary>
internal static class RequestRules
{
    /// <summary>What to do with the payload of a request.</summary>
    public static RequestPlan Plan(in RequestHeader request, NbdMode mode)
    {
        bool hasPayloadLength = mode >= NbdMode.Extended && (request.Flags & CommandFlags.PayloadLength) != 0;
        bool isWrite = request.Command == CommandCode.Write;
        bool isStatus = request.Command == CommandCode.BlockStatus;
        bool hasPayload = (isWrite || hasPayloadLength) && request.Length > 0;
        bool checksLength = isWrite || hasPayloadLength
            || request.Command is CommandCode.Read or CommandCode.Cache;
        if (checksLength && request.Length > NbdLimits.MaxPayloadBytes)
        {
            string error = $"len ({request.Length}) is larger than max len ({NbdLimits.MaxPayloadBytes})";
            return new RequestPlan(PayloadUse.None, 0, error, hasPayload);
        }

        if (!hasPayload)
        {
            PayloadUse nothing = hasPayloadLength && isStatus ? PayloadUse.Contexts : PayloadUse.None;
            return new RequestPlan(nothing, 0, null, false);
        }

        PayloadUse use = isWrite ? PayloadUse.Data : isStatus ? PayloadUse.Contexts : PayloadUse.Skip;
        return new RequestPlan(use, (int)request.Length, null, false);
    }

    /// <summary>What is wrong with a request whose payload has been read; null where nothing is.</summary>
    public static string? FindError(in RequestHeader request, NegotiatedSession session)
    {
        bool changes = request.Command is CommandCode.Write or CommandCode.Trim or CommandCode.WriteZeroes;
        if (changes && session.Export.IsReadOnly)
            return "Export is read-only";
        ulong length = (ulong)session.Export.LengthBytes;
        if (request.Offset > length || request.Length > length - request.Offset)
            return $"operation past EOF; From: {request.Offset}, Len: {request.Length}, Size: {length}";
        if ((request.Flags & ~ValidFlags(request, session.Mode)) != 0)
            return $"unsupported flags for command {NbdNames.Of(request.Command)} (got 0x{(int)request.Flags:x})";
        return null;
    }

    private static CommandFlags ValidFlags(in RequestHeader request, NbdMode mode)
    {
        const CommandFlags Always = CommandFlags.ForceUnitAccess;
        CommandFlags payload = mode >= NbdMode.Extended ? CommandFlags.PayloadLength : CommandFlags.None;
        return request.Command switch
        {
            CommandCode.Read when mode >= NbdMode.Structured => Always | CommandFlags.DoNotFragment,
            CommandCode.Write => Always | payload,
            CommandCode.WriteZeroes => Always | CommandFlags.NoHole | CommandFlags.FastZero,
            CommandCode.BlockStatus => Always | CommandFlags.RequestOne | payload,
            _ => Always,
        };
    }
}
