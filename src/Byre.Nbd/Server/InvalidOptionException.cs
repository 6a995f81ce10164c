namespace Byre.Nbd.Server;

/// <summary>An option's payload is malformed; the message is the answer to the client, which may go on.</summary>
internal sealed class InvalidOptionException(string message) : Exception(message);
