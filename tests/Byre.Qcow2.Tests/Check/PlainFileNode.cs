using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Microsoft.Win32.SafeHandles;

namespace Byre.Qcow2.Tests.Check;

/// <summary>A file as a node, with nothing in between: what a check needs of storage.</summary>
internal sealed class PlainFileNode : BlockNode
{
    private const long MaxLengthBytes = 1L << 40;

    private readonly SafeFileHandle _handle;

    public PlainFileNode(string path, bool writable)
    {
        _handle = System.IO.File.OpenHandle(
            path, FileMode.Open, writable ? FileAccess.ReadWrite : FileAccess.Read, FileShare.ReadWrite);
        OpenedFlags = writable ? OpenFlags.ReadWrite | OpenFlags.Unmap : OpenFlags.None;
    }

    /// <summary>Called before each read with its place; throws to make it fail. Called by several threads.</summary>
    public Action<ByteRange>? OnRead { get; set; }

    /// <summary>Called before each write with its place and bytes; throws to make it fail.</summary>
    public Action<long, ReadOnlyMemory<byte>>? OnWrite { get; set; }

    /// <summary>Called at each flush.</summary>
    public Action? OnFlush { get; set; }

    public override BlockDriver Driver { get; } = new PlainFileDriver();

    public override long LengthBytes => RandomAccess.GetLength(_handle);

    public override ValueTask DisposeAsync()
    {
        _handle.Dispose();
        return default;
    }

    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        OnRead?.Invoke(new ByteRange(offset, destination.Length));
        foreach (Memory<byte> segment in destination)
        {
            int done = 0;
            while (done < segment.Length)
            {
                int read = RandomAccess.Read(_handle, segment.Span[done..], offset + done);
                if (read == 0)
                    break;
                done += read;
            }

            segment.Span[done..].Clear();
            offset += segment.Length;
        }

        return default;
    }

    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        foreach (Memory<byte> segment in source)
        {
            OnWrite?.Invoke(offset, segment);
            RandomAccess.Write(_handle, segment.Span, offset);
            offset += segment.Length;
        }

        return default;
    }

    protected override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        // Reads like a hole.
        byte[] zeroes = new byte[1 << 16];
        for (long at = range.Offset; at < range.End; at += zeroes.Length)
            RandomAccess.Write(_handle, zeroes.AsSpan(0, (int)Math.Min(zeroes.Length, range.End - at)), at);
        return default;
    }

    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        OnFlush?.Invoke();
        return default;
    }

    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        if (request.LengthBytes > MaxLengthBytes)
            throw BlockException.FromErrno("Could not resize file", Errno.FileTooLarge);
        RandomAccess.SetLength(_handle, request.LengthBytes);
        return default;
    }

    private sealed class PlainFileDriver : BlockDriver
    {
        public override string Name => "plain-file";

        public override bool IsProtocol => true;

        public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation) =>
            throw new NotSupportedException();
    }
}
