using Byre.Cli.QemuImg;

namespace Byre.Cli.QemuNbd;

/// <summary>The texts of <c>--help</c> and <c>--version</c> of qemu-nbd.</summary>
internal static class NbdHelp
{
    public static string Version(string programName) => HelpText.Version(programName);

    public static string Usage(string programName) => $$"""
        Usage: {{programName}} [OPTIONS] FILE
          or:  {{programName}} -L [OPTIONS]
        Serves a disk image over the network block device protocol (NBD).

          -h, --help                display this help and exit
          -V, --version             output version information and exit

        Where to listen:
          -k, --socket=PATH         Unix socket (absolute path)
          -p, --port=PORT           TCP port (default 10809)
          -b, --bind=ADDRESS        address to listen on (default 127.0.0.1; others must be asked for)
          -e, --shared=NUM          clients at the same time (default 1; 0 for any number)
          -t, --persistent          do not exit when the last client has gone
          -v, --verbose             keep standard error open with --fork
          -x, --export-name=NAME    name of the export (default: empty)
          -D, --description=TEXT    a text for humans
              --handshake-limit=N   seconds that a client's handshake may take (default 10; 0 for any time)
              --fork                go to the background once clients are served
              --pid-file=PATH       store the server's process ID

        What to export:
          -f, --format=FORMAT       image format (raw, qcow2, ...); found out where it is not given
              --image-opts          FILE is a list of image options
          -r, --read-only           refuse writes
          -s, --snapshot            writes go to a temporary overlay
          -l, --load-snapshot=SNAP  an internal snapshot: ID_OR_NAME or snapshot.id=ID,snapshot.name=NAME
          -o, --offset=OFFSET       leave out that many bytes at the start
          -A, --allocation-depth    offer the context qemu:allocation-depth
          -B, --bitmap=NAME         offer the context qemu:dirty-bitmap:NAME
          -n, --nocache             the same as --cache=none
              --cache=MODE          none, writeback (default), writethrough, directsync or unsafe
              --aio=MODE            native, io_uring or threads
              --discard=MODE        ignore (default) or unmap
              --detect-zeroes=MODE  off (default), on or unmap

        Security:
              --object TYPE,id=ID,...  define a secret, tls-creds-x509, tls-creds-psk or authz-simple
              --tls-creds=ID        encrypt with these credentials; nothing is served without
              --tls-authz=ID        let in only whom this authorization names
              --tls-hostname=NAME   with -L: the name in the server's certificate

        Another server:
          -L, --list                list the exports of another server

        The kernel's devices /dev/nbdN (-c, -d) are not supported.

        """;
}
