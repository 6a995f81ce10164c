using System.Text;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Serve;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuNbd;

/// <summary>Reads the command line of qemu-nbd. Stateless.</summary>
internal static class NbdOptionScanner
{
    private const int MaxTextBytes = 4096;
    private const int CacheOption = 256;
    private const int AioOption = 257;
    private const int DiscardOption = 258;
    private const int DetectZeroesOption = 259;
    private const int ObjectOption = 260;
    private const int TlsCredsOption = 261;
    private const int ImageOptsOption = 262;
    private const int ForkOption = 263;
    private const int TlsAuthzOption = 264;
    private const int PidFileOption = 265;
    private const int TlsHostNameOption = 266;
    private const int HandshakeLimitOption = 267;
    private const int SelinuxLabelOption = 268;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("version", 'V'),
        new("bind", 'b', TakesArgument: true),
        new("port", 'p', TakesArgument: true),
        new("socket", 'k', TakesArgument: true),
        new("offset", 'o', TakesArgument: true),
        new("read-only", 'r'),
        new("allocation-depth", 'A'),
        new("bitmap", 'B', TakesArgument: true),
        new("connect", 'c', TakesArgument: true),
        new("disconnect", 'd'),
        new("list", 'L'),
        new("snapshot", 's'),
        new("load-snapshot", 'l', TakesArgument: true),
        new("nocache", 'n'),
        new("cache", CacheOption, TakesArgument: true),
        new("aio", AioOption, TakesArgument: true),
        new("discard", DiscardOption, TakesArgument: true),
        new("detect-zeroes", DetectZeroesOption, TakesArgument: true),
        new("shared", 'e', TakesArgument: true),
        new("format", 'f', TakesArgument: true),
        new("persistent", 't'),
        new("verbose", 'v'),
        new("object", ObjectOption, TakesArgument: true),
        new("export-name", 'x', TakesArgument: true),
        new("description", 'D', TakesArgument: true),
        new("handshake-limit", HandshakeLimitOption, TakesArgument: true),
        new("tls-creds", TlsCredsOption, TakesArgument: true),
        new("tls-hostname", TlsHostNameOption, TakesArgument: true),
        new("tls-authz", TlsAuthzOption, TakesArgument: true),
        new("image-opts", ImageOptsOption),
        new("trace", 'T', TakesArgument: true),
        new("fork", ForkOption),
        new("pid-file", PidFileOption, TakesArgument: true),
        new("selinux-label", SelinuxLabelOption, TakesArgument: true),
    ];

    /// <summary>
    /// Reads the options; null where the program has answered already, with <paramref name="status"/>.
    /// </summary>
    /// <exception cref="BlockException">A wrong option, with the text to print.</exception>
    public static NbdCommandLine? Scan(ProgramContext context, string[] arguments, out int status)
    {
        var line = new NbdCommandLine();
        GnuOptions scan = context.ParseOptions(
            [context.ProgramName, .. arguments], "hVb:o:p:rsnc:dvk:e:f:tl:x:T:D:AB:L", LongOptions);
        status = 0;
        for (int code; (code = scan.Next()) != GnuOptions.End;)
        {
            if (code is 'h' or 'V')
            {
                string name = context.ProgramName;
                context.Out.Write(code == 'h' ? NbdHelp.Usage(name) : NbdHelp.Version(name));
                return null;
            }

            if (code is GnuOptions.Unknown or GnuOptions.MissingArgument)
            {
                context.Report(scan.Complaint);
                context.Report($"Try `{context.ProgramName} --help' for more information.");
                status = 1;
                return null;
            }

            ApplyServerOption(line, code, scan.Argument);
            ApplyImageOption(line, code, scan.Argument);
            ApplySecurityOption(context, line, code, scan.Argument);
        }

        CheckOperands(context, line, scan.Operands);
        return line;
    }

    private static void ApplyServerOption(NbdCommandLine line, int code, string argument)
    {
        switch (code)
        {
            case 'b': line.Address = argument; break;
            case 'p': line.Port = argument; break;
            case 't': line.IsPersistent = true; break;
            case 'v': line.IsVerbose = true; break;
            case 'L': line.IsList = true; break;
            case 'd': line.Disconnects = true; break;
            case 'c': line.Device = argument; break;
            case 'A': line.OffersAllocationDepth = true; break;
            case 'B': line.Bitmaps.Insert(0, argument); break;
            case ForkOption: line.Forks = true; break;
            case PidFileOption: line.PidFile = argument; break;
            case 'k':
                if (!argument.StartsWith('/'))
                    throw BlockException.Invalid("socket path must be absolute");
                line.SocketPath = argument;
                break;
            case 'e':
                line.MaxClients = ParseCount(argument) ??
                    throw BlockException.Invalid($"Invalid shared device number '{argument}'");
                break;
            case HandshakeLimitOption:
                line.HandshakeSeconds = ParseCount(argument) ??
                    throw BlockException.Invalid($"Invalid handshake limit '{argument}'");
                break;
            case 'x':
                if (Encoding.UTF8.GetByteCount(argument) > MaxTextBytes)
                    throw BlockException.Invalid($"export name '{argument}' too long");
                line.ExportName = argument;
                break;
            case 'D':
                if (Encoding.UTF8.GetByteCount(argument) > MaxTextBytes)
                    throw BlockException.Invalid($"export description '{argument}' too long");
                line.Description = argument;
                break;
        }
    }

    private static void ApplyImageOption(NbdCommandLine line, int code, string argument)
    {
        switch (code)
        {
            case 'f': line.Format = argument; break;
            case 'r': line.IsReadOnly = true; break;
            case 's': line.UsesTemporaryOverlay = true; break;
            case ImageOptsOption: line.UsesImageOptions = true; break;
            case 'o':
                line.OffsetBytes = ParseOffset(argument) ??
                    throw BlockException.Invalid($"Invalid offset '{argument}'");
                break;
            case 'l':
                line.Snapshot = SnapshotArgument.Parse(
                    argument, $"qemu-nbd: Failed in parsing snapshot param `{argument}'");
                line.IsReadOnly = true;
                break;
            case 'n' or CacheOption:
                if (line.Cache is not null)
                    throw BlockException.Invalid("-n and --cache can only be specified once");
                if (!CacheMode.TryParse(code == 'n' ? "none" : argument, out CacheMode cache))
                    throw BlockException.Invalid($"Invalid cache mode `{argument}'");
                line.Cache = cache;
                break;
            case AioOption:
                if (line.Aio is not null)
                    throw BlockException.Invalid("--aio can only be specified once");
                line.Aio = ServiceLoops.IsAio(argument)
                    ? argument
                    : throw BlockException.Invalid($"Invalid aio mode '{argument}'");
                break;
            case DiscardOption:
                if (line.Unmaps is not null)
                    throw BlockException.Invalid("--discard can only be specified once");
                line.Unmaps = argument switch
                {
                    "unmap" or "on" => true,
                    "ignore" or "off" => false,
                    _ => throw BlockException.Invalid($"Invalid discard mode `{argument}'"),
                };
                break;
            case DetectZeroesOption:
                line.DetectZeroes = ParseDetectZeroes(argument, line.Unmaps == true);
                break;
        }
    }

    private static void ApplySecurityOption(ProgramContext context, NbdCommandLine line, int code, string argument)
    {
        switch (code)
        {
            case ObjectOption: ObjectDefinition.Define(argument, context); break;
            case TlsCredsOption: line.TlsCredentials = argument; break;
            case TlsAuthzOption: line.TlsAuthorization = argument; break;
            case TlsHostNameOption: line.TlsHostName = argument; break;
            case SelinuxLabelOption:
                throw BlockException.NotSupported("SELinux support not enabled in this binary");
        }
    }

    private static void CheckOperands(ProgramContext context, NbdCommandLine line, ReadOnlySpan<string> operands)
    {
        if (line.IsList)
        {
            CheckList(line, operands);
            return;
        }

        if (operands.Length != 1)
        {
            throw new BlockException(
                BlockErrorKind.InvalidArgument, Errno.Invalid, "Invalid number of arguments")
            {
                Hint = $"Try `{context.ProgramName} --help' for more information.\n",
            };
        }

        line.Image = operands[0];
    }

    private static void CheckList(NbdCommandLine line, ReadOnlySpan<string> operands)
    {
        if (!operands.IsEmpty)
            throw BlockException.Invalid("List mode is incompatible with a file name");
        bool hasDeviceSetting = line.ExportName is not null || line.Description is not null || line.OffsetBytes != 0
            || line.Device is not null || line.Disconnects || line.Format is not null || line.Snapshot is not null
            || line.Bitmaps.Count > 0 || line.OffersAllocationDepth || line.Aio is not null || line.Unmaps is not null
            || line.Cache is not null;
        if (hasDeviceSetting)
            throw BlockException.Invalid("List mode is incompatible with per-device settings");
        if (line.Forks)
            throw BlockException.Invalid("List mode is incompatible with forking");
    }

    private static DetectZeroesMode ParseDetectZeroes(string argument, bool unmaps)
    {
        DetectZeroesMode mode = argument switch
        {
            "off" => DetectZeroesMode.Off,
            "on" => DetectZeroesMode.On,
            "unmap" => DetectZeroesMode.Unmap,
            _ => throw BlockException.Invalid(
                $"Failed to parse detect_zeroes mode: invalid parameter value: {argument}"),
        };
        if (mode == DetectZeroesMode.Unmap && !unmaps)
        {
            throw BlockException.Invalid(
                "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
        }

        return mode;
    }

    private static int? ParseCount(string text) =>
        ParseOffset(text) is { } value and <= int.MaxValue ? (int)value : null;

    private static long? ParseOffset(string text)
    {
        try
        {
            long value = SizeText.ParseNumber("", text);
            return value < 0 ? null : value;
        }
        catch (BlockException)
        {
            return null;
        }
    }
}
