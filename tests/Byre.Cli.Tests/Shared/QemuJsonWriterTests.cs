using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.Tests.Shared;

public sealed class QemuJsonWriterTests
{
    [Fact]
    public void Objects_are_in_the_peers_order_with_empty_ones_over_two_lines()
    {
        InfoObject info = new InfoObject()
            .Add("filename", "a.qcow2")
            .Add("format", "file")
            .Add("dirty-flag", false)
            .Add("actual-size", 200704L)
            .Add("virtual-size", 197120L)
            .Add("format-specific", new InfoObject().Add("type", "file").Add("data", new InfoObject()))
            .Add("children", new List<object>());
        const string Expected = """
            {
                "children": [
                ],
                "virtual-size": 197120,
                "filename": "a.qcow2",
                "format": "file",
                "actual-size": 200704,
                "format-specific": {
                    "type": "file",
                    "data": {
                    }
                },
                "dirty-flag": false
            }
            """;
        Assert.Equal(Expected, QemuJsonWriter.WritePretty(info));
    }

    [Fact]
    public void Lists_of_objects_open_on_a_line_of_their_own()
    {
        var list = new List<object> { new InfoObject().Add("a", 1L), "x" };
        Assert.Equal("[\n    {\n        \"a\": 1\n    },\n    \"x\"\n]", QemuJsonWriter.WritePretty(list));
        Assert.Equal("[{\"a\": 1}, \"x\"]", QemuJsonWriter.WriteCompact(list));
    }

    [Theory]
    [InlineData("a\"b\\c", "\"a\\\"b\\\\c\"")]
    [InlineData("\n\t\u0001", "\"\\n\\t\\u0001\"")]
    [InlineData("ä€", "\"\\u00E4\\u20AC\"")]
    [InlineData("😀", "\"\\uD83D\\uDE00\"")]
    public void Texts_are_escaped(string text, string expected) =>
        Assert.Equal(expected, QemuJsonWriter.WriteCompact(text));
}
