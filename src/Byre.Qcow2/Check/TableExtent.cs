using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>Where a table lies and how many bytes it claims, neither validated.</summary>
internal readonly record struct TableExtent(HostOffset Offset, long LengthBytes);
