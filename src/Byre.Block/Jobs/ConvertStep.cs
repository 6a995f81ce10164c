using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>A run of the concatenated source that is converted in one go.</summary>
/// <param name="Range">The run.</param>
/// <param name="Content">What it is.</param>
/// <param name="Request">The peer's longer request that the run is a part of: its start is the place that an error's
/// text names, and progress is told at its end.</param>
internal readonly record struct ConvertStep(ByteRange Range, ConvertContent Content, ByteRange Request);
