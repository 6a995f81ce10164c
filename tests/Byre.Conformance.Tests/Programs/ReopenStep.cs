namespace Byre.Conformance.Tests.Programs;

/// <summary>Ends the process: the next command opens the image anew.</summary>
public sealed record ReopenStep : GuestStep;
