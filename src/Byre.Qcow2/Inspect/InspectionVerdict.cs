namespace Byre.Qcow2.Inspect;

/// <summary>What an inspection concludes.</summary>
public enum InspectionVerdict
{
    /// <summary>Nothing was found that makes it dangerous to use the image unattended, as the format
    /// reported.</summary>
    Safe,

    /// <summary>At least one finding is a danger.</summary>
    Unsafe,

    /// <summary>There is no image: the file is empty.</summary>
    NotAnImage,
}
