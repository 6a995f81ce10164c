using System.Buffers.Binary;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Inspects a LUKS header, version 1: how much work it asks for before a key is found wrong. Source: "LUKS On-Disk
/// Format Specification", version 1.2.3, big-endian. Stateless.
/// </summary>
internal static class LuksInspection
{
    private const int HeaderBytes = 592;
    private const int VersionOffset = 6;
    private const int DigestRoundsOffset = 164;
    private const int SlotsOffset = 208;
    private const int SlotBytes = 48;
    private const int SlotCount = 8;
    private const uint ActiveSlot = 0x00AC71F3;

    /// <summary>Inspects the header at <paramref name="offset"/> of the file.</summary>
    public static async ValueTask RunAsync(InspectionContext context, long offset)
    {
        byte[] header = new byte[HeaderBytes];
        int there = await context.Reader.ReadAsync(offset, header).ConfigureAwait(false);
        if (there < HeaderBytes || !header.AsSpan().StartsWith("LUKS"u8))
        {
            context.Findings.Danger(
                InspectionFindingIds.HeaderInvalid, "There is no LUKS header where there should be one");
            return;
        }

        int version = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(VersionOffset));
        if (version != 1)
        {
            context.Findings.Danger(
                InspectionFindingIds.UnexaminedFormat, $"LUKS version {version} is not understood here");
            return;
        }

        long rounds = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(DigestRoundsOffset));
        for (int slot = 0; slot < SlotCount; slot++)
        {
            ReadOnlySpan<byte> fields = header.AsSpan(SlotsOffset + (slot * SlotBytes), SlotBytes);
            if (BinaryPrimitives.ReadUInt32BigEndian(fields) == ActiveSlot)
                rounds += BinaryPrimitives.ReadUInt32BigEndian(fields[4..]);
        }

        if (rounds > InspectionLimits.MaxKeyDerivationRounds)
        {
            context.Findings.Danger(
                InspectionFindingIds.KeyDerivationCost, $"Unlocking the image takes {rounds} rounds of key derivation");
        }
    }
}
