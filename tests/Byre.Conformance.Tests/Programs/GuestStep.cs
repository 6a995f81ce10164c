namespace Byre.Conformance.Tests.Programs;

/// <summary>
/// One thing done to an image: a command of the exerciser, or a call of the image tool. Immutable.
/// </summary>
public abstract record GuestStep;
