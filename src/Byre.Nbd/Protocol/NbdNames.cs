namespace Byre.Nbd.Protocol;

/// <summary>What messages call the protocol's codes. Stateless.</summary>
internal static class NbdNames
{
    private const string UnknownName = "<unknown>";

    public static string Of(OptionCode option) => option switch
    {
        OptionCode.ExportName => "export name",
        OptionCode.Abort => "abort",
        OptionCode.List => "list",
        OptionCode.StartTls => "starttls",
        OptionCode.Info => "info",
        OptionCode.Go => "go",
        OptionCode.StructuredReply => "structured reply",
        OptionCode.ListMetaContext => "list meta context",
        OptionCode.SetMetaContext => "set meta context",
        OptionCode.ExtendedHeaders => "extended headers",
        _ => UnknownName,
    };

    public static string Of(OptionReplyCode reply) => reply switch
    {
        OptionReplyCode.Acknowledge => "ack",
        OptionReplyCode.Server => "server",
        OptionReplyCode.Info => "info",
        OptionReplyCode.MetaContext => "meta context",
        OptionReplyCode.Unsupported => "unsupported",
        OptionReplyCode.Policy => "denied by policy",
        OptionReplyCode.Invalid => "invalid",
        OptionReplyCode.Platform => "platform lacks support",
        OptionReplyCode.TlsRequired => "TLS required",
        OptionReplyCode.Unknown => "export unknown",
        OptionReplyCode.Shutdown => "server shutting down",
        OptionReplyCode.BlockSizeRequired => "block size required",
        OptionReplyCode.TooBig => "option payload too big",
        OptionReplyCode.ExtendedHeadersRequired => "extended headers required",
        _ => UnknownName,
    };

    public static string Of(CommandCode command) => command switch
    {
        CommandCode.Read => "read",
        CommandCode.Write => "write",
        CommandCode.Disconnect => "disconnect",
        CommandCode.Flush => "flush",
        CommandCode.Trim => "trim",
        CommandCode.Cache => "cache",
        CommandCode.WriteZeroes => "write zeroes",
        CommandCode.BlockStatus => "block status",
        _ => UnknownName,
    };

    public static string Of(ReplyCode reply) => reply switch
    {
        ReplyCode.None => "none",
        ReplyCode.OffsetData => "data",
        ReplyCode.OffsetHole => "hole",
        ReplyCode.BlockStatus => "block status (32-bit)",
        ReplyCode.BlockStatusExtended => "block status (64-bit)",
        ReplyCode.Error => "generic error",
        ReplyCode.ErrorOffset => "error at offset",
        _ => (reply & ReplyCode.ErrorBit) != 0 ? "<unknown error>" : UnknownName,
    };
}
