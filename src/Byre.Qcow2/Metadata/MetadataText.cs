namespace Byre.Qcow2.Metadata;

/// <summary>Numbers as the peer prints them in messages: hexadecimal with 0x, but a plain 0 for zero.</summary>
internal static class MetadataText
{
    public static string Hex(long value) => value == 0 ? "0" : $"0x{value:x}";
}
