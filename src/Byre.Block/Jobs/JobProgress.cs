namespace Byre.Block.Jobs;

/// <summary>How far a job is.</summary>
/// <param name="BytesDone">Bytes of the total that are done.</param>
/// <param name="BytesTotal">Bytes to be done; may be 0.</param>
public readonly record struct JobProgress(long BytesDone, long BytesTotal);
