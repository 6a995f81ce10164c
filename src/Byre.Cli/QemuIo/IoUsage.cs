namespace Byre.Cli.QemuIo;

/// <summary>The text of <c>--help</c>.</summary>
internal static class IoUsage
{
    public static string Text(string programName) => $"""
        Usage: {programName} [OPTIONS]... [-c STRING]... [file]
        Disk image exerciser: runs commands that read and write an image

          --object OBJECTDEF   defines an object, such as a 'secret' that holds
                               a password or key
          --image-opts         file is a list of options
          -c, --cmd STRING     runs the command in the string; may be given again
          -f, --format FMT     the image's format
          -r, --read-only      opens the image read-only
          -s, --snapshot       writes go to a temporary overlay
          -n, --nocache        bypasses the host's cache, the same as -t none
          -C, --copy-on-read   copies on read
          -m, --misalign       misaligns buffers in memory
          -k, --native-aio     Linux AIO, the same as -i native
          -i, --aio=MODE       how requests are submitted: threads, native or io_uring
          -t, --cache=MODE     the cache mode of the image
          -d, --discard=MODE   the discard mode of the image
          -T, --trace [[enable=]<pattern>][,events=<file>][,file=<file>]
                               accepted for compatibility
          -U, --force-share    tolerates other users of the image
          -h, --help           prints this text and exits
          -V, --version        prints the version and exits

        '{programName} -c help' lists the commands.

        """;
}
