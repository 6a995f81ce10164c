using Byre.Block.Errors;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// A request met metadata that contradicts itself. Thrown inside a transaction; the node turns it into a corruption
/// event (the corrupt bit, the message on the diagnostic output) and fails the request with EIO.
/// </summary>
internal sealed class CorruptionException(string message, bool isFatal)
    : BlockException(BlockErrorKind.CorruptImage, Block.Errors.Errno.InputOutput, message)
{
    /// <summary>Fatal: continuing to write could destroy data; the image is marked corrupt.</summary>
    public bool IsFatal { get; } = isFatal;
}
