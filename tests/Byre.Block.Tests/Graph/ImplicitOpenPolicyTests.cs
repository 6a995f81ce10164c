using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Block.Tests.Graph;

/// <summary>Which names found in images may be followed, on a real directory.</summary>
public sealed class ImplicitOpenPolicyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("byre-policy-").FullName;

    public ImplicitOpenPolicyTests()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "images", "below"));
        Directory.CreateDirectory(Path.Combine(_folder, "images-of-others"));
        foreach (string name in (string[])["secret", "images/base", "images/below/base", "images-of-others/base"])
            File.WriteAllText(Path.Combine(_folder, name), "");
        Link("images/inside", "below/base");
        Link("images/around", "../images/base");
        Link("images/outside", "../secret");
        Link("images/far", "/etc/hostname");
        Link("images/folder", "../images-of-others");
        Link("images/loop", "loop");
        Link("entrance", "images");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("base")]
    [InlineData("./base")]
    [InlineData("below/base")]
    [InlineData("below//base")]
    [InlineData("inside")]
    [InlineData("around")]
    [InlineData("not-there")]
    [InlineData("a..b")]
    public void A_file_in_the_directory_may_be_opened(string name)
    {
        Check(name, "images/");
        Check(name, "entrance/");
    }

    [Theory]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("//etc/passwd")]
    [InlineData("../secret")]
    [InlineData("below/../../secret")]
    [InlineData("below/..")]
    [InlineData("..")]
    [InlineData("nbd:host:10809")]
    [InlineData("nbd://host/export")]
    [InlineData("https://host/image")]
    [InlineData("file:base")]
    [InlineData("file:/etc/passwd")]
    [InlineData("json:{\"driver\":\"file\",\"filename\":\"base\"}")]
    [InlineData("fat:rw:.")]
    [InlineData("outside")]
    [InlineData("far")]
    [InlineData("folder/base")]
    [InlineData("loop")]
    [InlineData(".")]
    public void Everything_else_is_refused(string name)
    {
        Refused(name, "images/");
        Refused(name, "entrance/");
    }

    [Fact]
    public void A_file_whose_format_would_be_guessed_is_refused() =>
        Assert.Throws<BlockException>(
            () => ImplicitOpenPolicy.WithinDirectory.Check(Request("base", "images/") with { IsProbed = true }));

    [Fact]
    public void An_image_without_a_directory_of_files_names_none()
    {
        ImplicitOpen request = Request("base", "images/");
        Assert.Throws<BlockException>(
            () => ImplicitOpenPolicy.WithinDirectory.Check(request with { ImageDirectory = null }));
        Assert.Throws<BlockException>(
            () => ImplicitOpenPolicy.WithinDirectory.Check(request with { ImageDirectory = "nbd://host/" }));
    }

    [Fact]
    public void A_data_file_relative_to_another_directory_is_refused()
    {
        // Names of data files are relative to the current directory, as the peer's.
        ImplicitOpen request = Request("base", "images/") with
        {
            Role = ChildRole.Data,
            FullName = Path.Combine(_folder, "images-of-others", "base"),
        };
        BlockException refusal = Assert.Throws<BlockException>(
            () => ImplicitOpenPolicy.WithinDirectory.Check(request));
        Assert.Contains("names the external data file 'base'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_refusal_tells_image_kind_name_and_remedy()
    {
        BlockException refusal = Assert.Throws<BlockException>(
            () => ImplicitOpenPolicy.DenyAll.Check(Request("/etc/passwd", "images/")));
        Assert.Equal(Errno.OperationNotPermitted, refusal.Errno);
        Assert.Equal(
            $"Image '{_folder}/images/top' names the backing file '/etc/passwd', which is not allowed: "
            + "files that only an image names are not opened "
            + "(set an ImplicitOpenPolicy that allows it, or name the file in the options)",
            refusal.Message);
        refusal = Assert.Throws<BlockException>(
            () => ImplicitOpenPolicy.DenyAll.WithRemedy("ask").Check(Request("a", "images/")));
        Assert.EndsWith("(ask)", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_policy_of_ones_own_is_asked()
    {
        var policy = new ImplicitOpenPolicy(open => open.StoredName == "base" ? null : "it is not the base");
        policy.Check(Request("base", "images/"));
        Assert.Throws<BlockException>(() => policy.Check(Request("other", "images/")));
    }

    private void Refused(string name, string directory) =>
        Assert.Throws<BlockException>(() => Check(name, directory));

    private void Check(string name, string directory) =>
        ImplicitOpenPolicy.WithinDirectory.Check(Request(name, directory));

    private ImplicitOpen Request(string name, string directory)
    {
        string folder = Path.Combine(_folder, directory);
        bool isFull = name.StartsWith('/') || FileNames.HasProtocol(name);
        return new ImplicitOpen
        {
            ImageFileName = folder + "top",
            ImageDirectory = folder,
            Role = ChildRole.Backing,
            StoredName = name,
            FullName = isFull ? name : folder + name,
        };
    }

    private void Link(string name, string target) =>
        File.CreateSymbolicLink(Path.Combine(_folder, name), target);
}
