namespace Byre.Block.Jobs;

/// <summary>A run of sectors of one buffer that is stored in one way.</summary>
/// <param name="Offset">First byte, from the start of the buffer.</param>
/// <param name="Length">Bytes.</param>
/// <param name="IsData">False: the run is all zeroes and need not be stored.</param>
internal readonly record struct SparseRun(int Offset, int Length, bool IsData);
