using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>snapshot</c>: lists, creates, applies and deletes internal snapshots.</summary>
internal sealed class SnapshotCommand : Verb
{

    /// <summary>Names are cut to this many bytes.</summary>
    private const int MaxNameBytes = 255;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        .. ImageArguments.LongOptions,
    ];

    public override string Name => "snapshot";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        int action = 0;
        string name = "";
        var images = new ImageArguments(context);
        var options = context.ParseOptions(arguments, "la:c:d:hqU", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case 'l' or 'a' or 'c' or 'd':
                    if (action != 0)
                        throw new UsageException("Cannot mix '-l', '-a', '-c', '-d'");
                    action = code;
                    name = options.Argument;
                    break;
                default:
                    images.Take(code, options.Argument);
                    break;
            }
        }

        if (options.Operands.Length != 1)
            throw new UsageException("Expecting one image file name");
        OpenFlags flags = action == 'l' ? OpenFlags.None : OpenFlags.ReadWrite;
        BlockBackend backend = await images.OpenAsync(options.Operands[0], flags).ConfigureAwait(false);
        await using (backend.ConfigureAwait(false))
        {
            ValueTask work = action switch
            {
                'l' => ListAsync(context, backend.Root),
                'c' => CreateAsync(backend.Root, name),
                'a' => ApplyAsync(backend.Root, name),
                'd' => DeleteAsync(backend.Root, name),
                _ => default,
            };
            await work.ConfigureAwait(false);
        }

        return 0;
    }

    private static async ValueTask ListAsync(ProgramContext context, BlockNode node)
    {
        ImageInfo info = await node.GetImageInfoAsync().ConfigureAwait(false);
        if (info.Snapshots.Count > 0)
            SnapshotTable.Print(context.Out, info.Snapshots, indent: "");
    }

    private static async ValueTask CreateAsync(BlockNode node, string name)
    {
        try
        {
            DateTimeOffset now = DateTimeOffset.UtcNow;
            var description = new SnapshotInfo("", Cut(name))
            {
                DateSeconds = now.ToUnixTimeSeconds(),
                DateNanoseconds = (int)(now.Ticks % TimeSpan.TicksPerSecond * 100),
                InstructionCount = 0,
            };
            await FindStore(node, Errno.Describe(Errno.NotSupported)).CreateSnapshotAsync(description)
                .ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            // Only the error number's text is told here; the engine's own is lost in the peer, too.
            throw BlockException.FromErrno($"Could not create snapshot '{name}'", failure.Errno);
        }
    }

    private static async ValueTask ApplyAsync(BlockNode node, string name)
    {
        string complaint = $"Could not apply snapshot '{name}': ";
        ISnapshotStore store = FindStore(node, complaint + "Block driver does not support snapshots");
        try
        {
            await store.ApplySnapshotAsync(name).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw BlockException.FromErrno(complaint + "Failed to load snapshot", failure.Errno);
        }
    }

    private static async ValueTask DeleteAsync(BlockNode node, string name)
    {
        ImageInfo info = await node.GetImageInfoAsync().ConfigureAwait(false);
        foreach (SnapshotInfo snapshot in info.Snapshots)
        {
            if (snapshot.Name != name)
                continue;
            try
            {
                ISnapshotStore store = FindStore(node, "Block driver does not support snapshots");
                await store.DeleteSnapshotAsync(snapshot.Id, snapshot.Name).ConfigureAwait(false);
                return;
            }
            catch (BlockException failure)
            {
                throw failure.Prepend($"Could not delete snapshot '{name}': ");
            }
        }

        throw new BlockException(
            BlockErrorKind.NotFound, Errno.NoEntry, $"Could not delete snapshot '{name}': snapshot not found");
    }

    /// <summary>The node that keeps the snapshots: the top one, or the one below a filter or a raw format.</summary>
    private static ISnapshotStore FindStore(BlockNode node, string complaint)
    {
        for (BlockNode? candidate = node; candidate is not null; candidate = candidate.File)
        {
            if (candidate is ISnapshotStore store)
                return store;
        }

        throw BlockException.NotSupported(complaint);
    }

    private static string Cut(string name)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(name);
        return bytes.Length <= MaxNameBytes ? name : System.Text.Encoding.UTF8.GetString(bytes, 0, MaxNameBytes);
    }
}
