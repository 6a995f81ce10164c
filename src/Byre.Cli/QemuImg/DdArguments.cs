using Byre.Block.Errors;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>The "key=value" operands of <c>dd</c>. Immutable.</summary>
internal sealed record DdArguments
{
    /// <summary><c>if=</c>.</summary>
    public string? Input { get; init; }

    /// <summary><c>of=</c>.</summary>
    public string? Output { get; init; }

    /// <summary><c>bs=</c>: bytes that are read and written at a time.</summary>
    public int BlockBytes { get; init; } = 512;

    /// <summary><c>count=</c>: the input ends after this many blocks, counted from its start; null for all.</summary>
    public long? Count { get; init; }

    /// <summary><c>skip=</c>: blocks that are left out at the input's start; null for none.</summary>
    public long? Skip { get; init; }

    /// <summary>Reads the operands.</summary>
    /// <exception cref="BlockException">"unrecognized operand X", or a number is wrong.</exception>
    public static DdArguments Parse(ReadOnlySpan<string> operands, ProgramContext context)
    {
        var parsed = new DdArguments();
        foreach (string operand in operands)
        {
            int equals = operand.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? operand : operand[..equals];
            string value = equals < 0 ? "" : operand[(equals + 1)..];
            parsed = (equals < 0 ? "" : key) switch
            {
                "bs" => parsed with { BlockBytes = ParseBlockSize(context, value) },
                "count" => parsed with { Count = NumberArguments.ParseSize(context, "count", value) },
                "if" => parsed with { Input = value },
                "of" => parsed with { Output = value },
                "skip" => parsed with { Skip = NumberArguments.ParseSize(context, "skip", value) },
                _ => throw BlockException.Invalid($"unrecognized operand {key}"),
            };
        }

        return parsed;
    }

    private static int ParseBlockSize(ProgramContext context, string value) =>
        (int)NumberArguments.ParseSize(context, "bs", value, least: 1, most: int.MaxValue);
}
