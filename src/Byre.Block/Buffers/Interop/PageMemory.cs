using System.Runtime.InteropServices;

namespace Byre.Block.Buffers.Interop;

/// <summary>
/// Memory straight from the system, in pages: zero at first, resident only where it was touched, and on Linux given
/// back page by page. Elsewhere it is ordinary native memory, kept until it is released.
/// </summary>
internal static unsafe partial class PageMemory
{
    private const int ReadWrite = 1 | 2;
    private const int PrivateAnonymous = 0x02 | 0x20;
    private const int DontNeed = 4;

    private static readonly void* s_failed = (void*)-1;

    /// <summary>Page-aligned memory; null where the system has not enough of it.</summary>
    public static byte* Reserve(nuint lengthBytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            byte* memory = (byte*)NativeMemory.AlignedAlloc(lengthBytes, (nuint)Environment.SystemPageSize);
            NativeMemory.Clear(memory, lengthBytes);
            return memory;
        }

        void* mapped = MemoryMap(null, lengthBytes, ReadWrite, PrivateAnonymous, -1, 0);
        return mapped == s_failed ? null : (byte*)mapped;
    }

    /// <summary>Ends what <see cref="Reserve"/> began.</summary>
    public static void Release(byte* memory, nuint lengthBytes)
    {
        if (OperatingSystem.IsLinux())
            _ = MemoryUnmap(memory, lengthBytes);
        else
            NativeMemory.AlignedFree(memory);
    }

    /// <summary>
    /// Lets the system have the whole pages of a range whose content is not needed; they read as zeroes afterwards.
    /// A page that belongs only partly to the range stays.
    /// </summary>
    public static void GiveBack(byte* memory, nuint lengthBytes)
    {
        nuint mask = (nuint)Environment.SystemPageSize - 1;
        nuint first = ((nuint)memory + mask) & ~mask;
        nuint end = ((nuint)memory + lengthBytes) & ~mask;
        if (first >= end || !OperatingSystem.IsLinux())
            return;

        // A favour to others: where it is refused nothing is lost.
        _ = MemoryAdvise((void*)first, end - first, DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* MemoryMap(
        void* address, nuint lengthBytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(void* address, nuint lengthBytes);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MemoryAdvise(void* address, nuint lengthBytes, int advice);
}
