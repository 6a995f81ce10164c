using Byre.Block.Errors;

namespace Byre.Nbd.Client;

/// <summary>The connection ended before the answer came: the request may be sent again on another one.</summary>
internal sealed class ConnectionLostException(string message)
    : BlockException(BlockErrorKind.InputOutput, Block.Errors.Errno.InputOutput, message);
