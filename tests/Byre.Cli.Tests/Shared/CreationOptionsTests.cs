using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.Tests.Shared;

public sealed class CreationOptionsTests
{
    [Fact]
    public void Describes_given_values_and_defaults_in_the_drivers_order()
    {
        var options = new CreationOptions(new Format(), new Protocol());
        options.Parse("size=1.5k,name=a,,b,lazy=on,size=2k");
        Assert.Equal("cluster_size=65536 size=2048 name=a,,b lazy=on", options.Describe());
        Assert.Equal("2048", options.Values["size"]);
        Assert.False(options.Values.Contains("cluster_size"));
    }

    [Theory]
    [InlineData("foo=1", "Invalid parameter 'foo'")]
    [InlineData("lazy=maybe", "Parameter 'lazy' expects 'on' or 'off'")]
    [InlineData("size=-1024", "Value '-1024' is out of range for parameter 'size'")]
    [InlineData("size=-1k", "Parameter 'size' expects a non-negative number below 2^64")]
    [InlineData("size=1kilobyte", "Parameter 'size' expects a non-negative number below 2^64")]
    public void Refuses(string list, string expected)
    {
        var options = new CreationOptions(new Format(), new Protocol());
        Assert.Equal(expected, Assert.Throws<BlockException>(() => options.Parse(list)).Message);
    }

    private sealed class Format : BlockDriver
    {
        public override string Name => "format";

        public override IReadOnlyList<CreateOption> CreateOptions { get; } =
        [
            new("cluster_size", CreateOptionType.Size, "Size of a cluster", "65536"),
            new("size", CreateOptionType.Size, "Virtual disk size"),
            new("name", CreateOptionType.Text, "A name"),
            new("lazy", CreateOptionType.Bool, ""),
        ];

        public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation) =>
            throw BlockException.FromErrno(Errno.NotSupported);
    }

    private sealed class Protocol : BlockDriver
    {
        public override string Name => "protocol";

        public override IReadOnlyList<CreateOption> CreateOptions { get; } =
        [
            new("size", CreateOptionType.Size, "Another size"),
            new("nocow", CreateOptionType.Bool, "Turn off copy-on-write"),
        ];

        public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation) =>
            throw BlockException.FromErrno(Errno.NotSupported);
    }
}
