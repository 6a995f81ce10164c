namespace Byre.Cli.Shared;

/// <summary>When a standard stream hands its text to the kernel.</summary>
internal enum OutputBuffering
{
    /// <summary>At once.</summary>
    None,

    /// <summary>At each line feed.</summary>
    Line,

    /// <summary>When a block is full, and at exit.</summary>
    Block,
}
