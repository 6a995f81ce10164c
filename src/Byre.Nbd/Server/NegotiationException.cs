namespace Byre.Nbd.Server;

/// <summary>The handshake cannot go on; the message says why, for the server's log.</summary>
internal sealed class NegotiationException(string message) : Exception(message);
