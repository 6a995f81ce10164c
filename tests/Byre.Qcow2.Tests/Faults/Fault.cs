using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>Which storage call fails, and how. Immutable.</summary>
internal sealed record Fault
{
    /// <summary>The number of the call that fails, from 1 on.</summary>
    public int Call { get; init; }

    /// <summary>Instead of a number: the first call after this moment fails.</summary>
    public BlockEvent? Moment { get; init; }

    public int Error { get; init; } = Errno.InputOutput;

    /// <summary>All calls from there on fail, until the fault is taken away.</summary>
    public bool IsPersistent { get; init; }

    /// <summary>Only calls that need new space fail: the device is full.</summary>
    public bool IsFullDevice { get; init; }

    public FaultEffect Effect { get; init; }

    /// <summary>
    /// Nothing fails, but the transfer of that number is short; with <see cref="ShortCut.OftenAndUnaligned"/> all are.
    /// </summary>
    public ShortCut? Cut { get; init; }

    public override string ToString() => Cut is { } cut ? $"transfer {Call} short: {cut}" :
        $"{(Moment is { } moment ? moment.ToString() : $"call {Call}")} errno {Error}" +
        $"{(IsPersistent ? " for good" : "")}{(IsFullDevice ? " (device full)" : "")}" +
        $"{(Effect == FaultEffect.Nothing ? "" : $" ({Effect})")}";
}
