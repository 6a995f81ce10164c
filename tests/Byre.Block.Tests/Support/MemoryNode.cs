using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Tests.Support;

/// <summary>A node over a byte array that logs its requests and grows when it is written behind its end.</summary>
internal sealed class MemoryNode(BlockDriver driver, MemoryFile file) : BlockNode
{
    public MemoryFile Memory => file;

    public bool IsDisposed { get; private set; }

    public override BlockDriver Driver => driver;

    public override long LengthBytes => file.Content.Length;

    public override BlockLimits Limits => file.Limits;

    public override bool IsReadOnly => file.IsReadOnly || base.IsReadOnly;

    public override ValueTask DisposeAsync()
    {
        Assert.False(IsDisposed);
        IsDisposed = true;
        return default;
    }

    protected internal override async ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        await Begin($"read {offset}+{destination.Length}");
        lock (file)
        {
            int available = (int)Math.Clamp(file.Content.Length - offset, 0, destination.Length);
            destination.Slice(new ByteRange(0, available)).CopyFrom(
                file.Content.AsSpan((int)Math.Min(offset, file.Content.Length)));
            destination.From(available).Clear();
        }
    }

    protected internal override async ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        await Begin($"write {offset}+{source.Length}{Text(flags)}");
        lock (file)
        {
            Grow(offset + source.Length);
            source.CopyTo(file.Content.AsSpan((int)offset));
        }
    }

    protected internal override async ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        if (!file.CanZero)
            throw BlockException.FromErrno(Errno.NotSupported);
        await Begin($"zero {range.Offset}+{range.Length}{Text(flags)}");
        lock (file)
        {
            Grow(range.End);
            file.Content.AsSpan((int)range.Offset, (int)range.Length).Clear();
        }
    }

    protected internal override async ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation) =>
        await Begin($"discard {range.Offset}+{range.Length}");

    protected internal override async ValueTask FlushCoreAsync(CancellationToken cancellation) => await Begin("flush");

    protected internal override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        byte[] content = file.Content;
        Array.Resize(ref content, (int)request.LengthBytes);
        file.Content = content;
        return default;
    }

    private static string Text(RequestFlags flags) => flags == RequestFlags.None ? "" : $" {flags}";

    private void Grow(long length)
    {
        if (length <= file.Content.Length)
            return;
        byte[] content = file.Content;
        Array.Resize(ref content, (int)length);
        file.Content = content;
    }

    private ValueTask Begin(string request)
    {
        lock (file.Log)
            file.Log.Add(request);
        return file.Before?.Invoke(request) ?? default;
    }
}
