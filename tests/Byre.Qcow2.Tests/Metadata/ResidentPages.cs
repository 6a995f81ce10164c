using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>How much of a piece of memory is in the machine, as the kernel tells it.</summary>
internal static class ResidentPages
{
    private const int EntryBytes = 8;
    private const ulong Present = 1UL << 63;

    /// <summary>Whole pages of a range of this process that are resident, in bytes.</summary>
    public static long BytesOf(Span<byte> firstByte, long lengthBytes)
    {
        int page = Environment.SystemPageSize;
        long address = Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref firstByte[0]);
        byte[] entries = new byte[lengthBytes / page * EntryBytes];
        using FileStream map = File.OpenRead("/proc/self/pagemap");
        map.Seek(address / page * EntryBytes, SeekOrigin.Begin);
        map.ReadExactly(entries);
        long resident = 0;
        for (int i = 0; i < entries.Length; i += EntryBytes)
        {
            if ((BinaryPrimitives.ReadUInt64LittleEndian(entries.AsSpan(i)) & Present) != 0)
                resident += page;
        }

        return resident;
    }
}
