using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Block.Tests.Graph;

public class JsonFileNameTests
{
    [Fact]
    public void Flattens_everything()
    {
        OptionSet options = JsonFileName.Parse(
            """
            json:{"driver": "qcow2", 'file': {"driver": "file", "filename": "a\"\u00e9/b"},
                  "list": [1, {"x": true}, false], "backing": null, "image.filename": "y", "big": -12.5}
            """);

        Assert.Equal(
            [
                "driver=qcow2", "file.driver=file", "file.filename=a\"é/b", "list.0=1", "list.1.x=on", "list.2=off",
                "backing=" + OptionSet.Null, "image.filename=y", "big=-12.5",
            ],
            options.Keys.Select(key => $"{key}={options[key]}"));
    }

    [Theory]
    [InlineData("json:{", "Could not parse the JSON options: JSON parse error, premature EOI")]
    [InlineData("json:[]", "Invalid JSON object given")]
    [InlineData("json:{'a':tru}", "Could not parse the JSON options: JSON parse error, invalid keyword 'tru'")]
    [InlineData("json:foo", "Could not parse the JSON options: JSON parse error, invalid keyword 'foo'")]
    [InlineData("json:{'a' 1}", "Could not parse the JSON options: JSON parse error, missing : in object pair")]
    [InlineData("json:{'a':1,}", "Could not parse the JSON options: JSON parse error, expecting value")]
    [InlineData("json:", "Could not parse the JSON options: Expecting a JSON value")]
    [InlineData("json:{'a':1} x", "Could not parse the JSON options: Expecting at most one JSON value")]
    [InlineData("json:{\"a\":1", "Could not parse the JSON options: JSON parse error, premature EOI")]
    [InlineData("json:{a:1}", "Could not parse the JSON options: JSON parse error, invalid keyword 'a'")]
    [InlineData("json:{'a':1,'a':2}", "Could not parse the JSON options: JSON parse error, duplicate key")]
    [InlineData("json:{\"a\":\"\\q\"}",
        "Could not parse the JSON options: JSON parse error, invalid escape sequence in string")]
    [InlineData("json:{\"a\":01}", "Could not parse the JSON options: JSON parse error, stray '01'")]
    [InlineData("json:@", "Could not parse the JSON options: JSON parse error, stray '@'")]
    public void Complains_in_the_peers_words(string name, string message) =>
        Assert.Equal(message, Assert.Throws<BlockException>(() => JsonFileName.Parse(name)).Message);

    [Fact]
    public void Nesting_is_bounded() =>
        Assert.Throws<BlockException>(
            () => JsonFileName.Parse("json:" + string.Concat(Enumerable.Repeat("{'a':[", 100_000))));
}
