using System.Buffers.Binary;
using Byre.Qcow2.Inspect;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Layout;

namespace Byre.Qcow2.Tests.Inspect;

/// <summary>LUKS headers: on their own, and where a qcow2 image points to one.</summary>
public sealed class LuksInspectionTests
{
    private const long FileBytes = 8 << 16;
    private const long HeaderOffset = 4 << 16;

    [Theory]
    [InlineData(1000u, InspectionVerdict.Safe)]
    [InlineData(3_000_000_000u, InspectionVerdict.Unsafe)]
    public async Task TheCostOfUnlockingCounts(uint rounds, InspectionVerdict verdict)
    {
        InspectionReport alone = await ImageInspection.RunAsync(new SparseSource(FileBytes).Put(0, Luks(rounds)));
        Assert.Equal("luks", alone.Format);
        InspectionReport inside = await ImageInspection.RunAsync(Encrypted().Put(HeaderOffset, Luks(rounds)));
        foreach (InspectionReport report in (InspectionReport[])[alone, inside])
        {
            Assert.Equal(verdict, report.Verdict);
            Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.Encrypted);
            Assert.Equal(
                verdict == InspectionVerdict.Unsafe,
                report.Findings.Any(finding => finding.Id == InspectionFindingIds.KeyDerivationCost));
        }
    }

    [Fact]
    public async Task AnotherVersionIsNotVouchedFor()
    {
        byte[] header = Luks(1000);
        header[7] = 2;
        InspectionReport report = await ImageInspection.RunAsync(new SparseSource(FileBytes).Put(0, header));
        Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.UnexaminedFormat);
    }

    [Fact]
    public async Task AHeaderThatIsNotThereIsFound()
    {
        InspectionReport report = await ImageInspection.RunAsync(Encrypted());
        Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.HeaderInvalid);
        report = await ImageInspection.RunAsync(Encrypted(FileBytes));
        Assert.Contains(report.Findings, finding => finding.Id == InspectionFindingIds.TableOutOfFile);
    }

    private static SparseSource Encrypted(long headerOffset = HeaderOffset)
    {
        byte[] pointer = new byte[CryptoHeaderPointer.ContentBytes];
        BinaryPrimitives.WriteInt64BigEndian(pointer, headerOffset);
        BinaryPrimitives.WriteInt64BigEndian(pointer.AsSpan(8), 1 << 16);
        HeaderBuilder builder = new HeaderBuilder().U32(HeaderBuilder.Crypt, (uint)CryptMethod.Luks)
            .Extensions((HeaderExtension.CryptoHeader, pointer));
        return new SparseSource(FileBytes).Put(0, builder.Bytes);
    }

    private static byte[] Luks(uint rounds)
    {
        byte[] header = new byte[592];
        "LUKS"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), 0xbabe0001);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(164), 1000);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(208), 0x00AC71F3);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(212), rounds);
        return header;
    }
}
