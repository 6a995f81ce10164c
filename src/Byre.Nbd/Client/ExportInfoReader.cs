using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>Reads what a server tells of an export, and believes nothing that cannot be. Stateless.</summary>
internal static class ExportInfoReader
{
    /// <summary>
    /// Adds one piece of information; sets <paramref name="isComplete"/> with the one that is needed.
    /// </summary>
    /// <exception cref="BlockException">It makes no sense.</exception>
    public static RemoteExport Apply(
        ClientChannel channel, RemoteExport export, ReadOnlySpan<byte> payload, ref bool isComplete)
    {
        if (payload.Length < sizeof(ushort))
            throw channel.Violation($"NBD_REP_INFO length {payload.Length} is too short");
        var info = (InfoCode)BinaryPrimitives.ReadUInt16BigEndian(payload);
        payload = payload[sizeof(ushort)..];
        switch (info)
        {
            case InfoCode.Export:
                isComplete = true;
                return ApplyExport(channel, export, payload);
            case InfoCode.BlockSize:
                return ApplyBlockSize(channel, export, payload);
            case InfoCode.Description:
                return export with { Description = Encoding.UTF8.GetString(payload) };
            default:
                return export;
        }
    }

    /// <exception cref="BlockException">No disk is that long.</exception>
    public static long CheckLength(ulong length) => length <= long.MaxValue
        ? (long)length
        : throw ClientChannel.Protocol($"export size {length} is too large");

    private static RemoteExport ApplyExport(ClientChannel channel, RemoteExport export, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != sizeof(ulong) + sizeof(ushort))
            throw channel.Violation($"remaining export info len {payload.Length} is unexpected size");
        long length = CheckLength(BinaryPrimitives.ReadUInt64BigEndian(payload));
        if (export.MinimumBytes > 0 && length % export.MinimumBytes != 0)
        {
            throw channel.Violation(
                $"export size {length} is not multiple of minimum block size {export.MinimumBytes}");
        }

        var flags = (TransmissionFlags)BinaryPrimitives.ReadUInt16BigEndian(payload[sizeof(ulong)..]);
        return export with { LengthBytes = length, Flags = flags };
    }

    private static RemoteExport ApplyBlockSize(ClientChannel channel, RemoteExport export, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 3 * sizeof(uint))
            throw channel.Violation($"remaining export info len {payload.Length} is unexpected size");
        uint minimum = BinaryPrimitives.ReadUInt32BigEndian(payload);
        uint preferred = BinaryPrimitives.ReadUInt32BigEndian(payload[sizeof(uint)..]);
        uint maximum = BinaryPrimitives.ReadUInt32BigEndian(payload[(2 * sizeof(uint))..]);
        if (!BitOperations.IsPow2(minimum) || minimum > NbdLimits.MaxPayloadBytes)
            throw channel.Violation($"server minimum block size {minimum} is not a power of two");
        if (!BitOperations.IsPow2(preferred) || preferred < minimum)
            throw channel.Violation($"server preferred block size {preferred} is not valid");
        if (maximum < minimum)
            throw channel.Violation($"server maximum block size {maximum} is not valid");
        return export with { MinimumBytes = minimum, PreferredBytes = preferred, MaximumBytes = maximum };
    }
}
