namespace Byre.Qcow2.Tests.Faults;

/// <summary>Where a transfer ends too early.</summary>
internal enum ShortCut
{
    AfterOneByte,
    InTheMiddle,
    BeforeTheLastByte,

    /// <summary>After 513 bytes, or in the middle: many calls for what should be one.</summary>
    OftenAndUnaligned,
}
