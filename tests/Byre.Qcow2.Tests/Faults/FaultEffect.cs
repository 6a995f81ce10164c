namespace Byre.Qcow2.Tests.Faults;

/// <summary>What a failing write has done to the device all the same.</summary>
internal enum FaultEffect
{
    Nothing,

    /// <summary>Some of its sectors.</summary>
    Torn,

    /// <summary>All of it: only the answer is an error.</summary>
    Everything,
}
