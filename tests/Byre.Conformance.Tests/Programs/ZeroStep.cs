namespace Byre.Conformance.Tests.Programs;

/// <summary>Writes zeroes without a buffer.</summary>
public sealed record ZeroStep(long Offset, long Length, bool MayUnmap) : IoStep
{
    public override string Command => $"write -z {(MayUnmap ? "-u " : "")}{Offset} {Length}";
}
