using Byre.Block.Buffers;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>A copy of a changed part of the L1 table on its way to the file.</summary>
internal readonly record struct L1Write(int Chunk, HostOffset Offset, IoBuffer Copy);
