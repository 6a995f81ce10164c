using Byre.Cli.Shared;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"open": opens an image for the commands that follow.</summary>
internal sealed class OpenCommand : IoCommand
{
    public override string Name => "open";

    public override string Alias => "o";

    public override string Arguments => "[-rsCnkU] [-t cache] [-d discard] [-o options] [path]";

    public override string Summary => "open the file specified by path";

    public override string Help => """

         opens an image

         Example:
         'open -n -o driver=raw /tmp/data' - opens a raw file for reading and writing, past the host's cache

         The other commands work on the image that is open.
         -r, -- read-only
         -s, -- writes go to a temporary overlay
         -C, -- copy on read
         -n, -- bypass the host's cache (the same as -t none)
         -U, -- tolerate other users of the image
         -k, -- Linux AIO (the same as -i native)
         -i, -- how requests are submitted: threads, native or io_uring
         -t, -- the cache mode
         -d, -- the discard mode
         -o, -- options of the block driver


        """;

    public override int MinimumArguments => 1;

    public override int MaximumArguments => AnyNumber;

    public override bool NeedsImage => false;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        var request = new IoOpenRequest();
        var scan = new GnuOptions(words, "snCro:ki:t:d:U", []);
        for (int code; (code = scan.Next()) != GnuOptions.End;)
            Apply(session, request, code, scan);

        ReadOnlySpan<string> operands = scan.Operands;
        if (session.UsesImageOptions && operands.Length == 1)
            session.AddOptions(request.Options, operands[0], impliedKey: null);
        else if (operands.Length == 1)
            request.FileName = operands[0];
        else if (operands.Length > 1)
            throw CommandException.Usage();
        return session.OpenAsync(request);
    }

    private static void Apply(IoSession session, IoOpenRequest request, int code, GnuOptions scan)
    {
        switch (code)
        {
            case 's': request.UsesTemporaryOverlay = true; break;
            case 'n': request.BypassHostCache(); break;
            case 'C': request.CopiesOnRead = true; break;
            case 'r': request.IsReadOnly = true; break;
            case 'k': request.SetAioMode("native"); break;
            case 'i': request.SetAioMode(scan.Argument); break;
            case 't': request.SetCacheMode(scan.Argument); break;
            case 'd': request.SetDiscardMode(scan.Argument); break;
            case 'U': request.ForceShare = true; break;
            case 'o':
                if (session.UsesImageOptions)
                    throw CommandException.Output("--image-opts and 'open -o' are mutually exclusive");
                session.AddOptions(request.Options, scan.Argument, impliedKey: null);
                break;
            default:
                throw CommandException.BadOption(scan.Complaint);
        }
    }
}
