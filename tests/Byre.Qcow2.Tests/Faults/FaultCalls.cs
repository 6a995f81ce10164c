namespace Byre.Qcow2.Tests.Faults;

/// <summary>Kinds of storage calls.</summary>
[Flags]
internal enum FaultCalls
{
    None = 0,
    Read = 1,
    Write = 2,
    WriteZeroes = 4,
    Discard = 8,
    Flush = 16,
    Truncate = 32,
    All = Read | Write | WriteZeroes | Discard | Flush | Truncate,
}
