namespace Byre.Qcow2.Layout;

/// <summary>Which feature bits this build knows.</summary>
public static class FeatureBits
{
    /// <summary>An image with any other incompatible bit cannot be opened.</summary>
    public const IncompatibleFeatures KnownIncompatible =
        IncompatibleFeatures.Dirty | IncompatibleFeatures.Corrupt | IncompatibleFeatures.DataFile |
        IncompatibleFeatures.CompressionType | IncompatibleFeatures.ExtendedL2;

    /// <summary>Any other autoclear bit is cleared when the image is opened for writing.</summary>
    public const AutoclearFeatures KnownAutoclear = AutoclearFeatures.Bitmaps | AutoclearFeatures.DataFileRaw;
}
