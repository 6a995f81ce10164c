namespace Byre.Conformance.Tests.Programs;

/// <summary>The image becomes the backing file of a new, empty one.</summary>
public sealed record OverlayStep(ImageParameters Parameters) : GuestStep;
