namespace Byre.Nbd.Server;

/// <summary>What a request's header says before anything else was read.</summary>
/// <param name="Use">What the payload is for.</param>
/// <param name="PayloadBytes">Its length.</param>
/// <param name="Error">What is wrong with the request; null where nothing is, so far.</param>
/// <param name="EndsConnection">The payload cannot be read, so that nothing can follow.</param>
internal readonly record struct RequestPlan(PayloadUse Use, int PayloadBytes, string? Error, bool EndsConnection);
