namespace Byre.Nbd.Protocol;

/// <summary>The numbers that begin each kind of message.</summary>
internal static class NbdMagic
{
    /// <summary>The greeting: "NBDMAGIC".</summary>
    public const ulong Greeting = 0x4e42444d41474943;

    /// <summary>The greeting of newstyle servers, and every option request: "IHAVEOPT".</summary>
    public const ulong Option = 0x49484156454f5054;

    /// <summary>The greeting of oldstyle servers.</summary>
    public const ulong OldStyle = 0x00420281861253;

    public const ulong OptionReply = 0x3e889045565a9;
    public const uint Request = 0x25609513;
    public const uint ExtendedRequest = 0x21e41c71;
    public const uint SimpleReply = 0x67446698;
    public const uint StructuredReply = 0x668e33ef;
    public const uint ExtendedReply = 0x6e8a278c;
}
