using Byre.Block.Requests;

namespace Byre.Block.Tests.Support;

/// <summary>The bytes of a <see cref="MemoryNode"/> and what was done to them.</summary>
internal sealed class MemoryFile
{
    public byte[] Content { get; set; } = [];

    public BlockLimits Limits { get; set; } = BlockLimits.Default;

    /// <summary>Whether write-zeroes is supported at all.</summary>
    public bool CanZero { get; set; } = true;

    public bool IsReadOnly { get; set; }

    /// <summary>
    /// Requests in order: "read 0+512", "write 0+512 ForceUnitAccess", "zero ...", "discard ...", "flush".
    /// </summary>
    public List<string> Log { get; } = [];

    /// <summary>Awaited before each request is carried out.</summary>
    public Func<string, ValueTask>? Before { get; set; }
}
