namespace Byre.Qcow2.Tests.Faults;

/// <summary>How many bytes are transferred.</summary>
internal static class ShortCutExtensions
{
    /// <summary>Of so many, at least one.</summary>
    public static int Of(this ShortCut cut, int length) => Math.Max(1, cut switch
    {
        ShortCut.AfterOneByte => 1,
        ShortCut.InTheMiddle => length / 2,
        ShortCut.BeforeTheLastByte => length - 1,
        _ => length > 513 ? 513 : length / 2,
    });
}
