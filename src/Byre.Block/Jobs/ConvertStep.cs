using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>A run of the concatenated source that is converted in one go.</summary>
internal readonly record struct ConvertStep(ByteRange Range, ConvertContent Content);
