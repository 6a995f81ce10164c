using Byre.Cli.Shared;

namespace Byre.Cli.Tests.Shared;

public sealed class HumanSizeTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(512, "512 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "0.977 KiB")]
    [InlineData(1024, "1 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(200704, "196 KiB")]
    [InlineData(1022976, "999 KiB")]
    [InlineData(1023744, "1e+03 KiB")]
    [InlineData(1024000, "0.977 MiB")]
    [InlineData(67108864, "64 MiB")]
    [InlineData(5368709120000, "4.88 TiB")]
    [InlineData(long.MaxValue, "8 EiB")]
    public void Formats(long bytes, string expected) => Assert.Equal(expected, HumanSize.Format(bytes));

    [Theory]
    [InlineData(3.125, 2, "3.12")]
    [InlineData(12.5, 2, "12.50")]
    [InlineData(66.6666641, 2, "66.67")]
    [InlineData(0.375, 2, "0.38")]
    public void Rounds_halves_to_even(double value, int digits, string expected) =>
        Assert.Equal(expected, HumanSize.Fixed(value, digits));
}
