using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"reopen": other options for the open image.</summary>
internal sealed class ReopenCommand : IoCommand
{
    private const OpenFlags CacheFlags = OpenFlags.CacheDirect | OpenFlags.CacheNoFlush;

    public override string Name => "reopen";

    public override string Arguments => "[(-r|-w)] [-c cache] [-o options]";

    public override string Summary => "reopens an image with new options";

    public override string Help => """

         changes the options of the open image

         Example:
         'reopen -o lazy-refcounts=on' - updates the reference counts of a qcow2 image lazily from now on

         -r, -- read-only from now on
         -w, -- writable from now on
         -c, -- another cache mode
         -o, -- options of the block driver (see 'open')


        """;

    public override int MaximumArguments => AnyNumber;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        BlockBackend image = session.Image;
        OpenFlags flags = image.Root.OpenedFlags;
        bool writeThrough = !image.WriteCache;
        bool? writable = null;
        bool hasCacheMode = false;
        var options = new OptionSet();

        var scan = new GnuOptions(words, "c:o:rw", []);
        for (int code; (code = scan.Next()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'c':
                    if (!CacheMode.TryParse(scan.Argument, out CacheMode mode))
                        throw CommandException.Error($"Invalid cache option: {scan.Argument}");
                    flags = (flags & ~CacheFlags) | mode.Flags;
                    writeThrough = mode.WriteThrough;
                    hasCacheMode = true;
                    break;
                case 'o':
                    session.AddOptions(options, scan.Argument, impliedKey: null);
                    break;
                case 'r' or 'w':
                    if (writable is not null)
                        throw CommandException.Error("Only one -r/-w option may be given");
                    writable = code == 'w';
                    flags = code == 'w' ? flags | OpenFlags.ReadWrite : flags & ~OpenFlags.ReadWrite;
                    break;
                default:
                    throw CommandException.BadOption(scan.Complaint);
            }
        }

        if (!scan.Operands.IsEmpty)
            throw CommandException.Usage();
        CheckContradictions(options, writable is not null, hasCacheMode);
        CheckReadOnly(session.Image, options);
        SetImpliedOptions(options, flags);
        await session.Requests.DrainAsync().ConfigureAwait(false);
        return await ReopenAsync(session, options, flags, writeThrough).ConfigureAwait(false);
    }

    private static void CheckContradictions(OptionSet options, bool hasReadWrite, bool hasCacheMode)
    {
        if (options.Contains("read-only") && hasReadWrite)
            throw CommandException.Error("Cannot set both -r/-w and 'read-only'");
        if ((options.Contains("cache.direct") || options.Contains("cache.no-flush")) && hasCacheMode)
            throw CommandException.Error("Cannot set both -c and the cache options");
    }

    /// <summary>Only -r gives up this program's own permission to write.</summary>
    private static void CheckReadOnly(BlockBackend image, OptionSet options)
    {
        if (image.Root.IsReadOnly || options.Get("read-only") is not ("on" or "yes" or "true" or "y"))
            return;
        throw CommandException.Error($"Read-only block node '{image.Root.NodeName}' cannot support read-write users");
    }

    /// <summary>The modes of now, or those asked for by letters, win over how the image was opened.</summary>
    private static void SetImpliedOptions(OptionSet options, OpenFlags flags)
    {
        if (!options.Contains("read-only"))
            options["read-only"] = (flags & OpenFlags.ReadWrite) != 0 ? "off" : "on";
        if (options.Contains("cache.direct") || options.Contains("cache.no-flush"))
            return;
        options["cache.direct"] = (flags & OpenFlags.CacheDirect) != 0 ? "on" : "off";
        options["cache.no-flush"] = (flags & OpenFlags.CacheNoFlush) != 0 ? "on" : "off";
    }

    private static async ValueTask<bool> ReopenAsync(
        IoSession session, OptionSet options, OpenFlags flags, bool writeThrough)
    {
        try
        {
            await NodeReopener.ReopenAsync(session.Image.Root, options, flags).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            session.Context.Report(failure);
            return false;
        }

        session.Image.WriteCache = !writeThrough;
        return true;
    }
}
