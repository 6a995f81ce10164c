using System.Numerics;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Storage.Interop;

namespace Byre.Storage.Files;

/// <summary>
/// Finds out what a file opened with O_DIRECT demands: the kernel says so (statx), a device knows its sector size, or
/// reads of growing sizes are tried until one is not refused. Stateless.
/// </summary>
internal static class DirectAlignmentProbe
{
    private const int MaxAlignmentBytes = 4096;

    /// <exception cref="BlockException">No alignment works.</exception>
    public static DirectAlignment Probe(SystemCalls calls, int fd, in FileFacts facts)
    {
        if (facts.KnowsDirectAlignment && IsPlausible(facts.DirectOffsetAlignmentBytes) &&
            IsPlausible(facts.DirectMemoryAlignmentBytes))
        {
            return new DirectAlignment((int)facts.DirectOffsetAlignmentBytes, (int)facts.DirectMemoryAlignmentBytes);
        }

        int request = facts.IsBlockDevice ? SectorSize(calls, fd) : 0;
        if (request == 0)
            request = FirstAccepted(length => Accepts(calls, fd, start: 0, length));
        // Address alignment that cannot be told (a read from a hole succeeds with any) is taken to be the request's.
        int memory = FirstAccepted(start => Accepts(calls, fd, start, MaxAlignmentBytes));
        if (request == 0 || memory == 0)
        {
            throw new BlockException(
                BlockErrorKind.InvalidArgument, Errno.Invalid, "Could not find working O_DIRECT alignment")
            {
                Hint = "Try cache.direct=off\n",
            };
        }

        // One byte accepted means that nothing was tested: the safe value is the largest.
        request = request == 1 ? MaxAlignmentBytes : request;
        return new DirectAlignment(request, memory == 1 ? request : memory);
    }

    private static bool IsPlausible(uint alignment) => BitOperations.IsPow2(alignment) && alignment <= 1 << 16;

    private static int SectorSize(SystemCalls calls, int fd)
    {
        int size = 0;
        return calls.Control(fd, DeviceRequests.GetSectorSize, ref size) < 0 ? 0 : size;
    }

    private static int FirstAccepted(Func<int, bool> accepts)
    {
        foreach (int candidate in (ReadOnlySpan<int>)[1, 512, 1024, 2048, 4096])
        {
            if (accepts(candidate))
                return candidate;
        }

        return 0;
    }

    // Only EINVAL speaks of alignment; any other failure is for the first real request to report.
    private static bool Accepts(SystemCalls calls, int fd, int start, int length)
    {
        IoBuffer buffer = IoBufferPool.Shared.Rent(2 * MaxAlignmentBytes);
        try
        {
            return calls.Read(fd, buffer.Span.Slice(start, length), 0) != -Errno.Invalid;
        }
        finally
        {
            buffer.Return();
        }
    }
}
