using Byre.Block.Graph;

namespace Byre.Block.Tests.Graph;

public class OptionTextTests
{
    [Theory]
    [InlineData("a=1,b=2", "a=1|b=2")]
    [InlineData("a=x,,y,b=", "a=x,y|b=")]
    [InlineData("a=,,", "a=,")]
    [InlineData("a=x,,", "a=x,")]
    [InlineData("a=x,", "a=x")]
    [InlineData("a=b=c", "a=b=c")]
    [InlineData("flag,nothing=1,noflag2", "flag=on|nothing=1|flag2=off")]
    [InlineData("a=1,a=2", "a=2")]
    [InlineData("id=x,a=1", "a=1")]
    [InlineData("", "")]
    public void Parses(string text, string expected) => Assert.Equal(expected, Text(OptionText.Parse(text)));

    [Theory]
    [InlineData("disk.img,format=raw", "file=disk.img|format=raw")]
    [InlineData("a,,b", "file=a,b")]
    [InlineData("x=1", "x=1")]
    public void A_first_word_belongs_to_the_implied_key(string text, string expected) =>
        Assert.Equal(expected, Text(OptionText.Parse(text, "file")));

    [Fact]
    public void A_flag_is_warned_of()
    {
        var warnings = new List<string>();
        OptionText.Parse("lazy,nobacking", warn: warnings.Add);

        Assert.Equal(
            [
                "short-form boolean option 'lazy' deprecated\nPlease use lazy=on instead",
                "short-form boolean option 'nobacking' deprecated\nPlease use backing=off instead",
            ],
            warnings);
    }

    [Theory]
    [InlineData("help", true)]
    [InlineData("a=1,help", true)]
    [InlineData("?", true)]
    [InlineData("a=help", false)]
    [InlineData("a=1,,help", false)]
    public void Finds_the_call_for_help(string text, bool expected) =>
        Assert.Equal(expected, OptionText.AsksForHelp(text));

    private static string Text(OptionSet options) =>
        string.Join('|', options.Keys.Select(key => $"{key}={options[key]}"));
}
