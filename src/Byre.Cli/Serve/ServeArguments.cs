using System.Globalization;
using Byre.Block.Errors;
using Byre.Cli.QemuNbd;
using Byre.Cli.Shared;

namespace Byre.Cli.Serve;

/// <summary>The command line of <c>byre serve</c>. Immutable once parsed.</summary>
internal sealed class ServeArguments
{
    public const string Help = """
        usage: byre serve [OPTIONS] [NAME=]FILE...
        Serves disk images over the network block device protocol (NBD) until it is told to end.
        One image is the default export; of several each has the name before the equals sign, or its file's.

          -k, --socket PATH     Unix socket (default: byre.sock in the current directory)
          -p, --port PORT       TCP instead, on the loopback address (default port 10809; 0 takes a free one)
          -b, --bind ADDRESS    TCP on another address
          -f, --format FORMAT   image format; needed where the image may be written
          -r, --read-only       refuse writes
          -l, --snapshot SNAP   an internal snapshot: ID_OR_NAME
              --temporary       writes go to a temporary overlay
          -t, --cache MODE      none, writeback (default), writethrough, directsync or unsafe
              --aio MODE        how files are waited for: io_uring (default), native or threads
              --no-discard      discards are ignored
          -e, --clients NUM     clients at the same time (default: any number)
              --object TYPE,id=ID,...  define tls-creds-x509 or authz-simple
              --tls-creds ID    encrypt; nothing is served without
              --tls-authz ID    let in only whom this authorization names
          -x, --exit            end when the last client has gone
          -d, --description TEXT
              --metrics ADDRESS a page for OpenMetrics at [HOST:]PORT (loopback unless HOST says otherwise)
              --otlp URL        send the same figures to an OpenTelemetry collector (OTLP over HTTP)

        """;

    private const int TemporaryOption = 256;
    private const int NoDiscardOption = 257;
    private const int MetricsOption = 258;
    private const int ObjectOption = 259;
    private const int TlsCredsOption = 260;
    private const int TlsAuthzOption = 261;
    private const int AioOption = 262;
    private const int OtlpOption = 263;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("socket", 'k', TakesArgument: true),
        new("port", 'p', TakesArgument: true),
        new("bind", 'b', TakesArgument: true),
        new("format", 'f', TakesArgument: true),
        new("read-only", 'r'),
        new("snapshot", 'l', TakesArgument: true),
        new("temporary", TemporaryOption),
        new("cache", 't', TakesArgument: true),
        new("aio", AioOption, TakesArgument: true),
        new("no-discard", NoDiscardOption),
        new("clients", 'e', TakesArgument: true),
        new("exit", 'x'),
        new("description", 'd', TakesArgument: true),
        new("metrics", MetricsOption, TakesArgument: true),
        new("otlp", OtlpOption, TakesArgument: true),
        new("object", ObjectOption, TakesArgument: true),
        new("tls-creds", TlsCredsOption, TakesArgument: true),
        new("tls-authz", TlsAuthzOption, TakesArgument: true),
    ];

    private string? _format;
    private bool _isReadOnly;
    private SnapshotArgument? _snapshot;
    private bool _isTemporary;
    private CacheMode? _cache;
    private bool _discards = true;

    public bool AsksForHelp { get; private set; }

    public string? SocketPath { get; private set; }

    public string? Address { get; private set; }

    public string? Port { get; private set; }

    public bool UsesTcp => Address is not null || Port is not null;

    /// <summary>--aio; null where it was not given.</summary>
    public string? Aio { get; private set; }

    public int MaxClients { get; private set; }

    public bool EndsWithLastClient { get; private set; }

    public string? Description { get; private set; }

    public string? Metrics { get; private set; }

    /// <summary>--otlp; null where it was not given.</summary>
    public Uri? Collector { get; private set; }

    public string? TlsCredentials { get; private set; }

    public string? TlsAuthorization { get; private set; }

    /// <summary>Names and files of the exports.</summary>
    public IReadOnlyList<(string Name, string File)> Images { get; private set; } = [];

    /// <exception cref="UsageException">The command line makes no sense.</exception>
    public static ServeArguments Parse(string[] arguments, ProgramContext context)
    {
        var parsed = new ServeArguments();
        GnuOptions scan = context.ParseOptions(arguments, "hk:p:b:f:rl:t:e:xd:", LongOptions);
        for (int code; (code = scan.NextOrThrow()) != GnuOptions.End;)
        {
            if (code == ObjectOption)
                ObjectDefinition.Define(scan.Argument, context);
            else
                parsed.Apply(code, scan.Argument);
        }

        if (parsed.AsksForHelp)
            return parsed;
        if (scan.Operands.IsEmpty)
            throw new UsageException("Expecting at least one image file name");
        if (parsed.UsesTcp && parsed.SocketPath is not null)
            throw new UsageException("--socket cannot be used with --port or --bind");
        parsed.Images = [.. NameImages(scan.Operands.ToArray())];
        return parsed;
    }

    /// <summary>How to open one of the images.</summary>
    public NbdCommandLine LineFor(string file) => new()
    {
        Image = file,
        Format = _format,
        IsReadOnly = _isReadOnly,
        Snapshot = _snapshot,
        UsesTemporaryOverlay = _isTemporary,
        Cache = _cache,
        Aio = Aio,
        Unmaps = _discards,
    };

    private void Apply(int code, string argument)
    {
        switch (code)
        {
            case 'h': AsksForHelp = true; break;
            case 'k': SocketPath = argument; break;
            case 'p': Port = argument; break;
            case 'b': Address = argument; break;
            case 'f': _format = argument; break;
            case 'r': _isReadOnly = true; break;
            case TemporaryOption: _isTemporary = true; break;
            case NoDiscardOption: _discards = false; break;
            case 'x': EndsWithLastClient = true; break;
            case 'd': Description = argument; break;
            case MetricsOption: Metrics = argument; break;
            case OtlpOption: Collector = OtlpExport.ParseCollector(argument); break;
            case TlsCredsOption: TlsCredentials = argument; break;
            case TlsAuthzOption: TlsAuthorization = argument; break;
            case 'l':
                _snapshot = SnapshotArgument.Parse(
                    argument, $"byre: Failed in parsing snapshot param `{argument}'");
                _isReadOnly = true;
                break;
            case 't':
                if (!CacheMode.TryParse(argument, out CacheMode cache))
                    throw BlockException.Invalid($"Invalid cache option: {argument}");
                _cache = cache;
                break;
            case AioOption:
                Aio = ServiceLoops.IsAio(argument)
                    ? argument
                    : throw BlockException.Invalid($"Invalid aio mode '{argument}'");
                break;
            case 'e':
                if (!int.TryParse(argument, NumberStyles.None, CultureInfo.InvariantCulture, out int clients))
                    throw BlockException.Invalid($"Invalid number of clients '{argument}'");
                MaxClients = clients;
                break;
        }
    }

    private static IEnumerable<(string Name, string File)> NameImages(string[] operands)
    {
        foreach (string operand in operands)
        {
            int equals = operand.IndexOf('=', StringComparison.Ordinal);
            bool isNamed = equals > 0 && operand.AsSpan(0, equals).IndexOfAny("/:{,") < 0;
            if (isNamed)
                yield return (operand[..equals], operand[(equals + 1)..]);
            else
                yield return (operands.Length == 1 ? "" : Path.GetFileNameWithoutExtension(operand), operand);
        }
    }
}
