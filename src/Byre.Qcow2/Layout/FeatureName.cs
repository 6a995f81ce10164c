namespace Byre.Qcow2.Layout;

/// <summary>The name of one feature bit.</summary>
/// <param name="Type">The set of bits; values this build does not know occur in files.</param>
/// <param name="Bit">The bit's number, 0 to 63 in sound images.</param>
/// <param name="Name">At most 46 bytes.</param>
public readonly record struct FeatureName(FeatureType Type, int Bit, string Name);
