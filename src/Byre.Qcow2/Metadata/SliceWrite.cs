using Byre.Block.Buffers;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>A copy of a dirty slice on its way to the file.</summary>
internal readonly record struct SliceWrite(int Index, HostOffset Offset, IoBuffer Copy);
