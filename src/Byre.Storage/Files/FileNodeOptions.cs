using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Storage.Files;

/// <summary>The options of file and device nodes, taken out of a request and checked. Immutable.</summary>
/// <param name="FileName">The path to open.</param>
/// <param name="Locking">False: <c>locking=off</c>. On Linux "auto" is "on": every kernel .NET runs on has OFD
/// locks.</param>
internal sealed record FileNodeOptions(string FileName, bool Locking)
{
    /// <exception cref="BlockException">A value is not allowed, or the file name is missing.</exception>
    public static FileNodeOptions Take(string driver, OpenRequest request)
    {
        OptionSet options = request.Options;
        string fileName = options.Take("filename") ?? request.FileName;
        string aio = TakeChoice(options, "aio", "", "threads", "native", "io_uring");
        options.TakeNumber("aio-max-batch");
        string locking = TakeChoice(options, "locking", "auto", "on", "off");
        options.TakeBool("drop-cache");
        options.TakeBool("x-check-cache-dropped");
        if (options.Take("pr-manager") is { } manager)
            throw BlockException.Invalid($"No persistent reservation manager with id '{manager}'");
        if (fileName.Length == 0)
            throw BlockException.Invalid($"The '{driver}' block driver requires a file name");
        return new FileNodeOptions(fileName, locking != "off")
        {
            NeedsDirect = aio == "native",
            UsesRing = aio != "threads",
        };
    }

    /// <summary>The kernel's native AIO is asked for, which works with O_DIRECT only.</summary>
    public bool NeedsDirect { get; private init; }

    /// <summary>False: <c>aio=threads</c>. Otherwise requests go through the io_uring of a thread that has
    /// one.</summary>
    public bool UsesRing { get; private init; } = true;

    private static string TakeChoice(OptionSet options, string key, params ReadOnlySpan<string> allowed)
    {
        if (options.Take(key) is not { } value)
            return allowed[0];
        return allowed.Contains(value) && value.Length > 0
            ? value
            : throw BlockException.Invalid($"invalid parameter value: {value}");
    }
}
