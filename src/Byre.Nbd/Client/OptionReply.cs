using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>A server's answer to an option.</summary>
/// <param name="Type">What kind of answer.</param>
/// <param name="Payload">What came with it.</param>
internal readonly record struct OptionReply(OptionReplyCode Type, byte[] Payload)
{
    public bool IsError => (Type & OptionReplyCode.ErrorBit) != 0;
}
