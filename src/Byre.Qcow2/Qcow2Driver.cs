using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Bitmaps;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Snapshots;

namespace Byre.Qcow2;

/// <summary>The format "qcow2", versions 2 and 3.</summary>
public sealed class Qcow2Driver : BlockDriver
{
    private const int CertainScore = 100;

    /// <inheritdoc/>
    public override string Name => "qcow2";

    /// <inheritdoc/>
    public override bool SupportsBacking => true;

    /// <inheritdoc/>
    public override bool SupportsCompression => true;

    /// <inheritdoc/>
    public override IReadOnlyList<CreateOption> CreateOptions => Qcow2CreateOptions.Descriptors;

    /// <inheritdoc/>
    public override IReadOnlyList<string> StrongOptions { get; } = ["encrypt.key-secret"];

    /// <inheritdoc/>
    public override int Probe(ReadOnlySpan<byte> header, string fileName) =>
        header.Length >= HeaderCodec.PrefixBytes &&
        BinaryPrimitives.ReadUInt32BigEndian(header) == RawHeader.MagicValue &&
        BinaryPrimitives.ReadUInt32BigEndian(header[4..]) >= 2
            ? CertainScore
            : 0;

    /// <inheritdoc/>
    public override void JoinOptions(OptionSet changes, OptionSet current) => Qcow2OpenOptions.Join(changes, current);

    /// <inheritdoc/>
    public override async ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        BlockNode file = await request.Opener.OpenChildAsync(
            request, "file", ChildRole.Data | ChildRole.Metadata, null, null, cancellation).ConfigureAwait(false)
            ?? throw BlockException.Invalid("A block device must be specified for \"file\"");
        BlockNode? dataFile = null;
        Qcow2Node node;
        try
        {
            HeaderParsing parsing = request.Has(OpenFlags.Check) ? HeaderParsing.ForCheck : HeaderParsing.ForUse;
            ImageHeader header = await HeaderReader.ReadAsync(file, parsing, cancellation).ConfigureAwait(false);
            CheckUsable(header, request);
            Qcow2OpenOptions options = Qcow2OpenOptions.Parse(request.Options, header, request.Flags);
            dataFile = await OpenDataFileAsync(request, header, cancellation).ConfigureAwait(false);
            header = await PrepareAsync(file, header, request, cancellation).ConfigureAwait(false);
            node = await Qcow2Node.OpenAsync(
                new Qcow2OpenContext
                {
                    Driver = this,
                    File = file,
                    DataFile = dataFile,
                    Header = header,
                    Options = options.ToMetadataOptions(),
                    Flags = request.Flags,
                    ParseOptions = static (reopened, flags, current) =>
                        Qcow2OpenOptions.Parse(reopened, current, flags).ToMetadataOptions(),
                },
                cancellation).ConfigureAwait(false);
        }
        catch
        {
            await NodeClosing.CloseAfterFailureAsync(dataFile, file).ConfigureAwait(false);
            throw;
        }

        try
        {
            await FinishAsync(node, request, cancellation).ConfigureAwait(false);
            return node;
        }
        catch
        {
            await NodeClosing.CloseAfterFailureAsync(node).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public override ValueTask<ImageMeasure> MeasureAsync(
        MeasureRequest request, CancellationToken cancellation = default)
    {
        long size = request.Options.TakeSize("size") ?? 0;
        Qcow2CreateOptions options = Qcow2CreateOptions.Parse(request.Options);
        return ImageMeasurement.MeasureAsync(options, size, request.Source, cancellation);
    }

    /// <inheritdoc/>
    public override async ValueTask CreateAsync(CreateRequest request, CancellationToken cancellation)
    {
        OptionSet options = request.Options.Clone();
        Qcow2CreateOptions wanted = Qcow2CreateOptions.Parse(options);
        ImageCreator.CheckSize(wanted);
        options["size"] = "0";
        BlockNode file = await request.Creator.CreateFileAsync(request.FileName, options, cancellation)
            .ConfigureAwait(false);
        try
        {
            // From here on the file holds metadata, which nobody else may write.
            file.SetPermissions(
                NodePermissions.All & ~NodePermissions.WriteUnchanged,
                NodePermissions.ConsistentRead | NodePermissions.WriteUnchanged);
        }
        catch
        {
            await NodeClosing.CloseAfterFailureAsync(file).ConfigureAwait(false);
            throw;
        }

        BlockNode? dataFile = null;
        try
        {
            dataFile = await CreateDataFileAsync(request, file, wanted.DataFileName, options, cancellation)
                .ConfigureAwait(false);
            if (dataFile is { FileName.Length: > 0 })
                wanted = wanted with { DataFileName = dataFile.FileName };
            await FillAndCloseAsync(file, dataFile, wanted, cancellation).ConfigureAwait(false);
        }
        catch
        {
            // As the peer: what could not be made is not left behind.
            await file.DeleteFileAsync().ConfigureAwait(false);
            if (dataFile is not null)
                await dataFile.DeleteFileAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async ValueTask<BlockNode?> CreateDataFileAsync(
        CreateRequest request, BlockNode file, string? name, OptionSet options, CancellationToken cancellation)
    {
        try
        {
            return name is null
                ? null
                : await request.Creator.CreateFileAsync(name, options, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await NodeClosing.CloseAfterFailureAsync(file).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes the image in its files, which are closed afterwards.</summary>
    private async ValueTask FillAndCloseAsync(
        BlockNode file, BlockNode? dataFile, Qcow2CreateOptions options, CancellationToken cancellation)
    {
        Qcow2Node? node = null;
        try
        {
            if (options.Preallocation != PreallocationMode.Off)
                node = await CreateEmptyNodeAsync(file, dataFile, options, cancellation).ConfigureAwait(false);
            else
                await CreatePlainAsync(file, dataFile, options, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await NodeClosing.CloseAfterFailureAsync(dataFile, file).ConfigureAwait(false);
            throw;
        }

        if (node is not null)
            await PreallocateAndCloseAsync(node, options, cancellation).ConfigureAwait(false);
        else
            await NodeClosing.CloseAllAsync(dataFile, file).ConfigureAwait(false);
    }

    private static async ValueTask CreatePlainAsync(
        BlockNode file, BlockNode? dataFile, Qcow2CreateOptions options, CancellationToken cancellation)
    {
        await ImageCreator.WriteEmptyAsync(file, options, cancellation).ConfigureAwait(false);
        if (dataFile is not null)
            await dataFile.TruncateAsync(new TruncateRequest(options.SizeBytes, Exact: false), cancellation)
                .ConfigureAwait(false);
    }

    /// <summary>
    /// An image of size 0, open: it grows with the same code as <c>resize</c>, and so gets the same layout.
    /// </summary>
    private async ValueTask<Qcow2Node> CreateEmptyNodeAsync(
        BlockNode file, BlockNode? dataFile, Qcow2CreateOptions options, CancellationToken cancellation)
    {
        ImageHeader header = await ImageCreator.WriteEmptyAsync(file, options with { SizeBytes = 0 }, cancellation)
            .ConfigureAwait(false);
        var context = new Qcow2OpenContext
        {
            Driver = this,
            File = file,
            DataFile = dataFile,
            Header = header,
            Options = Qcow2OpenOptions.Parse(new OptionSet(), header, OpenFlags.ReadWrite).ToMetadataOptions(),
            Flags = OpenFlags.ReadWrite | OpenFlags.Resize,
        };
        return await Qcow2Node.OpenAsync(context, cancellation).ConfigureAwait(false);
    }

    private static async ValueTask PreallocateAndCloseAsync(
        Qcow2Node node, Qcow2CreateOptions options, CancellationToken cancellation)
    {
        var growth = new TruncateRequest(options.SizeBytes, Exact: false) { Preallocation = options.Preallocation };
        try
        {
            await node.TruncateAsync(growth, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            await NodeClosing.CloseAfterFailureAsync(node).ConfigureAwait(false);
            throw failure.Prepend("Could not resize image: ");
        }

        await node.DisposeAsync().ConfigureAwait(false);
    }

    private static void CheckUsable(ImageHeader header, OpenRequest request)
    {
        bool isCheck = request.Has(OpenFlags.Check);
        if (header.IsCorrupt && !request.IsReadOnly && !isCheck)
        {
            throw new BlockException(
                BlockErrorKind.CorruptImage,
                Errno.AccessDenied,
                "qcow2: Image is corrupt; cannot be opened read/write");
        }

        if (header.CryptMethod != CryptMethod.None && !isCheck && !request.Has(OpenFlags.NoDataIo))
        {
            string method = header.CryptMethod == CryptMethod.Aes ? "aes" : "luks";
            throw BlockException.NotSupported($"Encryption of qcow2 images ('{method}') is not supported");
        }
    }

    private static async ValueTask<BlockNode?> OpenDataFileAsync(
        OpenRequest request, ImageHeader header, CancellationToken cancellation)
    {
        if (request.Has(OpenFlags.NoDataIo))
        {
            // An image that is not trusted shall not make "info" open files it names.
            request.Options.TakeSubset("data-file.");
            request.Options.Take("data-file");
            return null;
        }

        bool isNamedByOptions = request.Options.Contains("data-file") || request.Options.HasPrefix("data-file.");
        string? storedName = header.HasDataFile && !isNamedByOptions ? header.DataFileName : null;
        BlockNode? dataFile = await request.Opener.OpenChildAsync(
            request, "data-file", ChildRole.Data, storedName, null, cancellation).ConfigureAwait(false);
        if (dataFile is null)
        {
            if (header.HasDataFile)
                throw BlockException.Invalid("'data-file' is required for this image");
            if (header.IsDataFileRaw)
                throw BlockException.Invalid("data-file-raw requires a data file");
            return null;
        }

        if (header.HasDataFile)
            return dataFile;
        await NodeClosing.CloseAfterFailureAsync(dataFile).ConfigureAwait(false);
        throw BlockException.Invalid("'data-file' can only be set for images with an external data file");
    }

    /// <summary>Looks at the tables that are not the engine's, and repairs an image that was not closed.</summary>
    private static async ValueTask<ImageHeader> PrepareAsync(
        BlockNode file, ImageHeader header, OpenRequest request, CancellationToken cancellation)
    {
        if (!request.Has(OpenFlags.Check))
            await SnapshotTableReader.ReadAsync(file, header, cancellation).ConfigureAwait(false);
        await BitmapDirectoryReader.ReadAsync(file, header, cancellation).ConfigureAwait(false);
        if (!header.IsDirty || request.IsReadOnly || request.Has(OpenFlags.Check))
            return header;

        try
        {
            var options = new CheckOptions
            {
                Repair = RepairMode.All,
                OnFinding = static finding => DiagnosticOutput.WriteLine(finding.Text),
            };
            CheckReport report = await ImageChecker.CheckAsync(file, header, options, cancellation)
                .ConfigureAwait(false);
            if (report.CheckErrors != 0)
                throw BlockException.FromErrno(Errno.InputOutput);
        }
        catch (BlockException failure)
        {
            throw new BlockException(
                failure.Kind, failure.Errno, $"Could not repair dirty image: {Errno.Describe(failure.Errno)}", failure);
        }

        return await HeaderReader.ReadAsync(file, HeaderParsing.ForUse, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Drops what this build does not keep true from a writable image's header, and opens the backing file.
    /// </summary>
    private static async ValueTask FinishAsync(Qcow2Node node, OpenRequest request, CancellationToken cancellation)
    {
        ImageHeader header = node.Header;
        if (header.HasStaleBitmaps)
        {
            DiagnosticOutput.WriteLine($"warning: {HeaderCodec.StaleBitmapsWarning(header)}");
            DiagnosticOutput.WriteLine(
                "Some clusters may be leaked, run 'qemu-img check -r' on the image file to fix.");
        }

        bool hasUnknown = (header.AutoclearFeatures & ~FeatureBits.KnownAutoclear) != 0;
        if ((hasUnknown || header.HasStaleBitmaps) && !request.IsReadOnly)
            await DropUnknownAsync(node, cancellation).ConfigureAwait(false);
        if (!request.IsReadOnly && !request.Has(OpenFlags.Check))
            await node.BeginBitmapUseAsync(cancellation).ConfigureAwait(false);
        node.ReplaceBacking(await request.Opener.OpenChildAsync(
            request, "backing", ChildRole.Backing, header.BackingFileName, header.BackingFormat, cancellation)
            .ConfigureAwait(false));
    }

    private static async ValueTask DropUnknownAsync(Qcow2Node node, CancellationToken cancellation)
    {
        try
        {
            await node.Structure.UpdateHeaderAsync(
                static header => header with
                {
                    AutoclearFeatures = header.AutoclearFeatures & FeatureBits.KnownAutoclear,
                    HasStaleBitmaps = false,
                },
                cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Could not update qcow2 header: ");
        }
    }
}
