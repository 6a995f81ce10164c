namespace Byre.Qcow2.Tests.Crash;

/// <summary>One thing that happened to a device: a write, a new length (no bytes), or a flush (null).</summary>
/// <param name="Offset">Where, or the new length.</param>
/// <param name="Bytes">What was written.</param>
internal sealed record DeviceEvent(long Offset, byte[]? Bytes)
{
    public static DeviceEvent Flush { get; } = new(0, null);

    public bool IsFlush => Bytes is null;

    /// <summary>The first byte behind it.</summary>
    public long End => Offset + (Bytes?.Length ?? 0);
}
