namespace Byre.Qcow2.Tests.Faults;

/// <summary>A snapshot that is there, or may be.</summary>
internal sealed record FaultSnapshot(byte[] Content, bool IsCertain);
