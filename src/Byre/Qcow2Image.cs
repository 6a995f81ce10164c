using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Block.Jobs;
using Byre.Block.Requests;
using Byre.Qcow2;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Storage.Drivers;

namespace Byre;

/// <summary>
/// An open qcow2 image as a disk. Offsets and lengths are in bytes of the virtual disk.
/// <para>Threading: requests may be issued from any thread and overlap; two that touch the same bytes at the same
/// time have no defined order. <see cref="DisposeAsync"/> comes last; it flushes, and throws where that fails.</para>
/// <para>Errors: <see cref="BlockException"/>. After a failed flush the image accepts no more writes.</para>
/// </summary>
public sealed class Qcow2Image : IAsyncDisposable
{
    private const string Format = "qcow2";

    private readonly BlockBackend _backend;

    private Qcow2Image(BlockBackend backend) => _backend = backend;

    /// <summary>Size of the virtual disk.</summary>
    public long LengthBytes => _backend.LengthBytes;

    public bool IsReadOnly => _backend.Root.IsReadOnly;

    /// <summary>The node, for use with the block layer's jobs. It stays the image's.</summary>
    public BlockNode Node => _backend.Root;

    /// <summary>Opens an image.</summary>
    /// <exception cref="BlockException">Not there, not qcow2, damaged, locked, or a file it names may not be
    /// opened.</exception>
    public static async ValueTask<Qcow2Image> OpenAsync(
        string path, Qcow2ImageOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new Qcow2ImageOptions();
        var runtime = new OptionSet();
        foreach ((string key, string value) in options.RuntimeOptions)
            runtime[key] = value;
        ImageOpener opener = CreateOpener(options.ImplicitOpens);
        BlockNode node = await opener.OpenAsync(ToFileName(path), ToFlags(options), runtime, Format, cancellation)
            .ConfigureAwait(false);
        bool writeCache = options.Cache is not (CacheMode.Writethrough or CacheMode.Directsync);
        return new Qcow2Image(new BlockBackend(node, writeCache));
    }

    /// <summary>Creates an image, replacing what is at <paramref name="path"/>, and opens it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Size and format options; a backing file is recorded, not opened, by the creation.</param>
    /// <param name="openOptions">How to open it; null for the defaults.</param>
    /// <param name="cancellation">Cancels; a file may remain.</param>
    /// <exception cref="BlockException">The file cannot be created, or the options contradict each other.</exception>
    public static async ValueTask<Qcow2Image> CreateAsync(
        string path,
        Qcow2CreateOptions options,
        Qcow2ImageOptions? openOptions = null,
        CancellationToken cancellation = default)
    {
        var creator = new ImageCreatorService(CreateOpener(ImplicitOpenPolicy.DenyAll));
        await creator.CreateAsync(Format, ToFileName(path), options.ToOptionSet(), cancellation).ConfigureAwait(false);
        return await OpenAsync(path, openOptions, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Reads as much of <paramref name="buffer"/> as lies before the end of the disk; returns how much.
    /// </summary>
    public async ValueTask<int> ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        int count = (int)Math.Clamp(LengthBytes - offset, 0, buffer.Length);
        if (count > 0)
            await _backend.ReadAsync(offset, buffer[..count], cancellation).ConfigureAwait(false);
        return count;
    }

    /// <summary>Writes; EIO where the range goes beyond the end of the disk.</summary>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation = default) =>
        // The engine only reads from the memory of a write.
        _backend.WriteAsync(offset, new IoVector(MemoryMarshal.AsMemory(data)), RequestFlags.None, cancellation);

    /// <summary>
    /// Writes whole clusters compressed, as far as that gains anything. Clusters that hold data already fail with
    /// EIO.
    /// </summary>
    public ValueTask WriteCompressedAsync(
        long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation = default) =>
        _backend.WriteAsync(offset, new IoVector(MemoryMarshal.AsMemory(data)), RequestFlags.Compressed, cancellation);

    /// <summary>Makes a range read as zeroes; with <paramref name="mayUnmap"/> its space may be given back.</summary>
    public ValueTask WriteZeroesAsync(
        ByteRange range, bool mayUnmap = true, CancellationToken cancellation = default) =>
        _backend.WriteZeroesAsync(range, mayUnmap ? RequestFlags.MayUnmap : RequestFlags.None, cancellation);

    /// <summary>
    /// Says that a range's content is no longer needed. Whole clusters of it read as zeroes afterwards.
    /// </summary>
    public ValueTask DiscardAsync(ByteRange range, CancellationToken cancellation = default) =>
        _backend.DiscardAsync(range, cancellation);

    /// <summary>Returns when everything written before is stable on the device.</summary>
    public ValueTask FlushAsync(CancellationToken cancellation = default) => _backend.FlushAsync(cancellation);

    /// <summary>
    /// Changes the size of the virtual disk, to a multiple of 512. New space reads as zeroes; cut off data is lost.
    /// </summary>
    public ValueTask ResizeAsync(
        long lengthBytes,
        PreallocationMode preallocation = PreallocationMode.Off,
        CancellationToken cancellation = default) =>
        _backend.Root.TruncateAsync(new TruncateRequest(lengthBytes) { Preallocation = preallocation }, cancellation);

    /// <summary>What the disk is made of, from its start to its end, neighbours of one status together.</summary>
    public IAsyncEnumerable<ImageExtent> GetExtentsAsync(CancellationToken cancellation = default) =>
        GetExtentsAsync(new ByteRange(0, LengthBytes), cancellation);

    /// <summary>What a part of the disk is made of.</summary>
    public async IAsyncEnumerable<ImageExtent> GetExtentsAsync(
        ByteRange range, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        long end = Math.Min(range.End, LengthBytes);
        ImageExtent? pending = null;
        for (long offset = range.Offset; offset < end;)
        {
            ChainExtent status = await BackingChain
                .GetStatusAboveAsync(_backend.Root, null, ByteRange.FromEnd(offset, end), cancellation)
                .ConfigureAwait(false);
            ImageExtent extent = ToExtent(status);
            offset += extent.Length;
            if (pending is { } last && TryJoin(last, extent, out ImageExtent joined))
            {
                pending = joined;
                continue;
            }

            if (pending is { } complete)
                yield return complete;
            pending = extent;
        }

        if (pending is { } final)
            yield return final;
    }

    /// <summary>Format facts: snapshots, backing file, cluster size, features.</summary>
    public ValueTask<ImageInfo> GetInfoAsync(CancellationToken cancellation = default) =>
        _backend.Root.GetImageInfoAsync(cancellation);

    /// <summary>Checks the metadata, and repairs what the options allow. No other request may be in flight.</summary>
    public ValueTask<CheckReport> CheckAsync(CheckOptions? options = null, CancellationToken cancellation = default) =>
        ((ICheckableImage)_backend.Root).CheckAsync(options ?? CheckOptions.ReadOnly, cancellation);

    /// <summary>Takes an internal snapshot; all requests before it are in it.</summary>
    public ValueTask CreateSnapshotAsync(string name, CancellationToken cancellation = default)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return ((ISnapshotStore)_backend.Root).CreateSnapshotAsync(
            new SnapshotInfo("", name) { DateSeconds = now.ToUnixTimeSeconds() }, cancellation);
    }

    /// <summary>Makes the content that of an internal snapshot, by its id or name.</summary>
    public ValueTask ApplySnapshotAsync(string idOrName, CancellationToken cancellation = default) =>
        ((ISnapshotStore)_backend.Root).ApplySnapshotAsync(idOrName, cancellation);

    /// <summary>Removes an internal snapshot.</summary>
    public ValueTask DeleteSnapshotAsync(SnapshotInfo snapshot, CancellationToken cancellation = default) =>
        ((ISnapshotStore)_backend.Root).DeleteSnapshotAsync(snapshot.Id, snapshot.Name, cancellation);

    /// <summary>Copies the disk into <paramref name="target"/>, which is new and at least as large.</summary>
    /// <param name="target">Another image of this library's.</param>
    /// <param name="options">Compression, workers; null for the defaults.</param>
    /// <param name="progress">Receives bytes done and bytes in all.</param>
    /// <param name="cancellation">Cancels between two chunks.</param>
    public async ValueTask CopyToAsync(
        Qcow2Image target,
        ConvertOptions? options = null,
        IProgress<JobProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        options ??= new ConvertOptions { TargetIsNew = true, OutOfOrder = true };
        if (progress is not null)
            options = options with { Progress = progress.Report };
        await new ConvertJob([_backend.Root], target._backend.Root, options).RunAsync(cancellation)
            .ConfigureAwait(false);
        await target.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>A seekable view of the disk. Closing it leaves the image open.</summary>
    public Stream OpenStream() => new ImageStream(this);

    /// <summary>Flushes and closes.</summary>
    public ValueTask DisposeAsync() => _backend.DisposeAsync();

    private static ImageOpener CreateOpener(ImplicitOpenPolicy policy) =>
        new(new DriverRegistry(new RawDriver(), new Qcow2Driver(), new FileDriver(), new HostDeviceDriver()))
        {
            ImplicitOpens = policy,
        };

    /// <summary>A path is a path: "nbd:x" in it is not a protocol.</summary>
    private static string ToFileName(string path) => "file:" + path;

    private static OpenFlags ToFlags(Qcow2ImageOptions options)
    {
        OpenFlags flags = options.ReadOnly ? OpenFlags.None : OpenFlags.ReadWrite | OpenFlags.Resize;
        if (options.Discard)
            flags |= OpenFlags.Unmap;
        if (options.ForceShare)
            flags |= OpenFlags.ForceShare;
        if (options.Cache is CacheMode.None or CacheMode.Directsync)
            flags |= OpenFlags.CacheDirect;
        if (options.Cache is CacheMode.Unsafe)
            flags |= OpenFlags.CacheNoFlush;
        return flags;
    }

    private static ImageExtent ToExtent(ChainExtent status)
    {
        BlockExtent extent = status.Extent;
        return new ImageExtent(extent.Range.Offset, extent.Length)
        {
            IsAllocated = extent.Has(BlockStatus.Allocated),
            IsZero = extent.Has(BlockStatus.Zero),
            IsCompressed = extent.Has(BlockStatus.Compressed),
            Depth = Math.Max(status.Depth - 1, 0),
            HostOffset = extent.Has(BlockStatus.OffsetValid) ? extent.HostOffset : null,
        };
    }

    private static bool TryJoin(ImageExtent first, ImageExtent second, out ImageExtent joined)
    {
        joined = first with { Length = first.Length + second.Length };
        bool adjacent = first.HostOffset is { } host
            ? second.HostOffset == host + first.Length : second.HostOffset is null;
        return adjacent &&
            second with { Offset = first.Offset, Length = first.Length, HostOffset = first.HostOffset } == first;
    }
}
