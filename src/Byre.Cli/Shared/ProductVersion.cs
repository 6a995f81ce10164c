namespace Byre.Cli.Shared;

/// <summary>The versions the program tells of itself.</summary>
internal static class ProductVersion
{
    /// <summary>The version of Byre.</summary>
    public const string Byre = "0.1.0";

    /// <summary>The version of QEMU's tools whose behaviour the front ends have; scripts look for it.</summary>
    public const string Peer = "10.0.2";
}
