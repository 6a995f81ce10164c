namespace Byre.Conformance.Tests.Programs;

/// <summary>Writes one byte value, or the pattern file's bytes from its start.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Pattern">The byte; null for the file.</param>
/// <param name="Kind">How.</param>
public sealed record WriteStep(long Offset, long Length, byte? Pattern, WriteKind Kind) : IoStep
{
    public override string Command
    {
        get
        {
            string verb = Kind switch
            {
                WriteKind.Asynchronous => "aio_write",
                WriteKind.Compressed => "write -c",
                WriteKind.ForceUnitAccess => "write -f",
                _ => "write",
            };
            string source = Pattern is { } value ? $"-P {value}" : $"-s {PatternFile.Name}";
            return $"{verb} {source} {Offset} {Length}";
        }
    }
}
