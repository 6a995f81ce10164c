using Byre.Block.Requests;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuIo;

/// <summary>
/// The flags of the commands that transfer something. Each command names the letters it takes; the rest keep their
/// defaults. Mutable only while it is parsed.
/// </summary>
internal sealed class TransferOptions
{
    private string[] _operands = [];

    private TransferOptions()
    {
    }

    /// <summary>-C: statistics for programs.</summary>
    public bool IsMachineReadable { get; private set; }

    /// <summary>-q: no statistics.</summary>
    public bool IsQuiet { get; private set; }

    /// <summary>-v: dump what was read.</summary>
    public bool Dumps { get; private set; }

    /// <summary>-b: the vm state area instead of the disk.</summary>
    public bool IsVmState { get; private set; }

    /// <summary>-r: register the buffer. Nothing to register here, but the peer's restrictions hold.</summary>
    public bool RegistersBuffer { get; private set; }

    /// <summary>-z: zeroes without a buffer.</summary>
    public bool IsZero { get; private set; }

    /// <summary>-i: pretend that the request is invalid.</summary>
    public bool IsInvalid { get; private set; }

    /// <summary>-P: the byte to write or to expect.</summary>
    public byte? Pattern { get; private set; }

    /// <summary>-s of "write": the file to write from.</summary>
    public string? SourceFile { get; private set; }

    /// <summary>-s of "read": where the expected pattern begins, from the start of the request.</summary>
    public long? PatternOffset { get; private set; }

    /// <summary>-l of "read": how long the expected pattern is.</summary>
    public long? PatternLength { get; private set; }

    /// <summary>-c, -f, -n and -u.</summary>
    public RequestFlags Flags { get; private set; }

    /// <summary>What remains: offset and lengths.</summary>
    public ReadOnlySpan<string> Operands => _operands;

    public bool Has(RequestFlags flag) => (Flags & flag) != 0;

    /// <summary>Parses a command's words.</summary>
    /// <param name="words">The command's name first.</param>
    /// <param name="letters">The letters that the command takes, in getopt's notation.</param>
    public static TransferOptions Parse(string[] words, string letters)
    {
        var scan = new GnuOptions(words, letters, []);
        var found = new TransferOptions();
        bool expectsPatternRange = letters.Contains('l', StringComparison.Ordinal);
        for (int code; (code = scan.Next()) != GnuOptions.End;)
        {
            if (code is GnuOptions.Unknown or GnuOptions.MissingArgument)
                throw CommandException.BadOption(scan.Complaint);
            if (code == 's' && expectsPatternRange)
                found.PatternOffset = CommandNumbers.ParseSize(scan.Argument);
            else
                found.Set((char)code, scan.Argument);
            if (found.IsInvalid)
                break;
        }

        found._operands = scan.Operands.ToArray();
        return found;
    }

    /// <summary>Prints statistics unless they are not wanted.</summary>
    public void PrintReport(StandardOutput output, string verb, ByteRange range, TimeSpan elapsed)
    {
        if (!IsQuiet)
            output.Write(TransferReport.Format(verb, range.Offset, range.Length, elapsed, IsMachineReadable));
    }

    private void Set(char letter, string argument)
    {
        switch (letter)
        {
            case 'C': IsMachineReadable = true; break;
            case 'q': IsQuiet = true; break;
            case 'v': Dumps = true; break;
            case 'b': IsVmState = true; break;
            case 'r': RegistersBuffer = true; break;
            case 'z': IsZero = true; break;
            case 'i': IsInvalid = true; break;
            case 'P': Pattern = CommandNumbers.ParsePattern(argument); break;
            case 's': SourceFile = argument; break;
            case 'l': PatternLength = CommandNumbers.ParseSize(argument); break;
            case 'c': Flags |= RequestFlags.Compressed; break;
            case 'f': Flags |= RequestFlags.ForceUnitAccess; break;
            case 'n': Flags |= RequestFlags.NoFallback; break;
            case 'u': Flags |= RequestFlags.MayUnmap; break;
            case 'p': break; // accepted for compatibility, without a meaning
        }
    }
}
