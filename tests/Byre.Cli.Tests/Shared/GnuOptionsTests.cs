using Byre.Cli.Shared;

namespace Byre.Cli.Tests.Shared;

public sealed class GnuOptionsTests
{
    private static readonly LongOption[] Long =
    [
        new("help", 'h'),
        new("output", 256, TakesArgument: true),
        new("object", 257, TakesArgument: true),
        new("image-opts", 258),
        new("format", 'f', TakesArgument: true),
    ];

    [Theory]
    [InlineData("-q a", "q", "a")]
    [InlineData("a -q b", "q", "a b")]
    [InlineData("a -f raw b -q", "f=raw q", "a b")]
    [InlineData("-qf raw a", "q f=raw", "a")]
    [InlineData("-qfraw a", "q f=raw", "a")]
    [InlineData("--output=json a", "256=json", "a")]
    [InlineData("a --output json", "256=json", "a")]
    [InlineData("--out json", "256=json", "")]
    [InlineData("--image-opts a", "258", "a")]
    [InlineData("-q -- -f a", "q", "-f a")]
    [InlineData("a -q -- -f", "q", "a -f")]
    [InlineData("a b -- -f c", "", "a b -f c")]
    [InlineData("- -q", "q", "-")]
    [InlineData("-f -q a", "f=-q", "a")]
    [InlineData("-f raw -f qcow2 a", "f=raw f=qcow2", "a")]
    [InlineData("a b c -q d -q e", "q q", "a b c d e")]
    public void Walks(string line, string expectedOptions, string expectedOperands)
    {
        (string options, GnuOptions walk) = Walk(line);
        Assert.Equal(expectedOptions, options);
        Assert.Equal(expectedOperands, string.Join(' ', walk.Operands.ToArray()));
    }

    [Theory]
    [InlineData("-x", "unrecognized option '-x'", "invalid option -- 'x'")]
    [InlineData("--foo", "unrecognized option '--foo'", "unrecognized option '--foo'")]
    [InlineData("--o x", "unrecognized option '--o'", "option '--o' is ambiguous")]
    [InlineData(
        "--image-opts=x", "unrecognized option '--image-opts=x'", "option '--image-opts' doesn't allow an argument")]
    [InlineData("-f", "missing argument for option '-f'", "option requires an argument -- 'f'")]
    [InlineData("-qf", "missing argument for option '-qf'", "option requires an argument -- 'f'")]
    [InlineData("a --output", "missing argument for option '--output'", "option '--output' requires an argument")]
    [InlineData("-q -xq", "unrecognized option '-q'", "invalid option -- 'x'")]
    public void Complains(string line, string peersText, string librarysText)
    {
        Assert.Equal(peersText, Assert.Throws<UsageException>(() => Walk(line)).Message);

        GnuOptions walk = Start(line, stopAtOperand: false);
        int code;
        do
            code = walk.Next();
        while (code is not (GnuOptions.Unknown or GnuOptions.MissingArgument));
        Assert.Equal(librarysText, walk.Complaint);
    }

    [Fact]
    public void Stops_at_the_first_operand_where_asked()
    {
        GnuOptions walk = Start("-q create -f raw", stopAtOperand: true);
        Assert.Equal('q', walk.Next());
        Assert.Equal(GnuOptions.End, walk.Next());
        Assert.Equal(["create", "-f", "raw"], walk.Operands.ToArray());
    }

    [Fact]
    public void An_exact_name_is_no_abbreviation_of_a_longer_one()
    {
        var walk = new GnuOptions(["x", "--add"], "", [new("add-all", 1), new("add", 2)]);
        Assert.Equal(2, walk.Next());
    }

    private static GnuOptions Start(string line, bool stopAtOperand) =>
        new(["verb", .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)], "f:hq", Long, stopAtOperand);

    private static (string Options, GnuOptions Walk) Walk(string line)
    {
        GnuOptions walk = Start(line, stopAtOperand: false);
        var options = new List<string>();
        for (int code; (code = walk.NextOrThrow()) != GnuOptions.End;)
        {
            string name = code < 256
                ? ((char)code).ToString() : code.ToString(System.Globalization.CultureInfo.InvariantCulture);
            options.Add(walk.Argument.Length > 0 ? name + "=" + walk.Argument : name);
        }

        return (string.Join(' ', options), walk);
    }
}
