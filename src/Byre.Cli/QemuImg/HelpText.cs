using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>The texts of <c>--help</c> and <c>--version</c>.</summary>
internal static class HelpText
{
    private const string Usage = """
        QEMU disk image utility

            '-h', '--help'       display this help and exit
            '-V', '--version'    output version information and exit
            '-T', '--trace'      accepted and ignored
            '--safe'             before or behind any command: open no file only because an image names it, and
                                 probe no image that is written to (not in QEMU; also BYRE_SAFE=1 in the environment)

        Command syntax:
          check    [--object objectdef] [--image-opts] [-q] [-f fmt] [--output=ofmt] [-r [leaks | all]]
                   [-T src_cache] [-U] filename
          compare  [--object objectdef] [--image-opts] [-f fmt] [-F fmt] [-T src_cache] [-p] [-q] [-s] [-U]
                   filename1 filename2
          convert  [--object objectdef] [--image-opts] [--target-image-opts] [--target-is-zero] [--bitmaps] [-U]
                   [-C] [-c] [-p] [-q] [-n] [-f fmt] [-t cache] [-T src_cache] [-O output_fmt]
                   [-B backing_file [-F backing_fmt]] [-o options] [-l snapshot_param] [-S sparse_size]
                   [-r rate_limit] [-m num_coroutines] [-W] [--salvage] filename [filename2 [...]] output_filename
          create   [--object objectdef] [-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename
                   [size]
          dd       [--image-opts] [-U] [-f fmt] [-O output_fmt] [bs=block_size] [count=blocks] [skip=blocks]
                   if=input of=output
          info     [--object objectdef] [--image-opts] [-f fmt] [--output=ofmt] [--backing-chain] [-U] filename
          map      [--object objectdef] [--image-opts] [-f fmt] [--start-offset=offset] [--max-length=len]
                   [--output=ofmt] [-U] filename
          measure  [--object objectdef] [--image-opts] [-U] [-f fmt] [-l snapshot_param] [-O output_fmt]
                   [-o options] [--output=ofmt] {filename | --size=size}
          snapshot [--object objectdef] [--image-opts] [-U] [-q] [-l | -a snapshot | -c snapshot | -d snapshot]
                   filename
          rebase   [--object objectdef] [--image-opts] [-U] [-q] [-f fmt] [-t cache] [-T src_cache] [-p] [-u] [-c]
                   -b backing_file [-F backing_fmt] filename
          resize   [--object objectdef] [--image-opts] [-f fmt] [--preallocation=prealloc] [-q] [--shrink] filename
                   [+ | -]size

        Command parameters:
          filename, output_filename   an image: a file name, protocol:address, or json:{...}
          fmt, output_fmt             an image format; found out from the image where it is not given
          cache, src_cache            none, writeback, writethrough, directsync, unsafe
          size                        bytes, or with a suffix k, M, G, T, P, E (powers of 1024)
          options                     name=value,...; -o help lists what the format knows
          snapshot_param              snapshot.id=ID,snapshot.name=NAME, or ID_OR_NAME
          objectdef                   secret,id=ID,data=TEXT or secret,id=ID,file=NAME
          ofmt                        human or json
          -c   compress the target       -n   do not create the target      -u   do not open the backing file
          -p   show progress             -q   print nothing but errors      -U   share with another process that writes
          -S   bytes of zeroes in a row that become a hole (0: allocate everything)
          -r   repair leaks, or all errors
          --progress=json   one JSON object a line: phase, percent, done, total, rate, eta (long commands; not in QEMU)

        """;

    private const string ByreVerbs = """
            '--stats[=json]'     before or behind any command: tell at the end, on standard error, what each qcow2 image
                                 counted: its caches, its flushes, what it copied; 'byre io -c info' tells it at once

        More commands:
          demo                        show on temporary images what the program does
          inspect [-f fmt] [--output=ofmt] [--max-virtual-size=size] [--block-device] filename
                                      say whether a stranger's image may be used unattended, reading nothing else;
                                      exit status 0: safe, 2: unsafe, 3: no image, 4: unreadable, 1: usage
          io [options] [filename]     the front end called qemu-io
          serve [options] [name=]file...   serve images over NBD; byre serve --help

        """;

    /// <summary>Prints the help; returns the exit status.</summary>
    public static int Print(ProgramContext context)
    {
        context.Out.Write(Version(context.ProgramName));
        context.Out.WriteLine($"usage: {context.ProgramName} [standard options] command [command options]");
        context.Out.Write(Usage);
        if (context.ProgramName == "byre")
            context.Out.Write(ByreVerbs);
        context.Out.Write("\nSupported formats:");
        foreach (string name in Drivers.CreateRegistry().FormatNames)
            context.Out.Write(" " + name);
        context.Out.Write("\n");
        return 0;
    }

    /// <summary>What <c>--version</c> prints for the front end called <paramref name="programName"/>.</summary>
    public static string Version(string programName) => programName == "byre"
        ? $"byre {ProductVersion.Byre} (behaves as QEMU {ProductVersion.Peer})\n"
        : $"{programName} version {ProductVersion.Peer} (Byre {ProductVersion.Byre})\n";
}
