using System.Globalization;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Storage.Drivers;

namespace Byre.Qcow2.Tests.Driver;

/// <summary>Creates and opens images on the host's file system, as the program does.</summary>
internal sealed class Images
{
    public Images()
    {
        Opener = new ImageOpener(new DriverRegistry(new RawDriver(), new FileDriver(), new Qcow2Driver()))
        {
            ImplicitOpens = ImplicitOpenPolicy.AllowAll,
        };
        Creator = new ImageCreatorService(Opener);
    }

    public ImageOpener Opener { get; }

    public ImageCreatorService Creator { get; }

    public ValueTask CreateAsync(string fileName, string options, string size)
    {
        OptionSet set = Create.ImageCreatorTests.ToOptions(options);
        set["size"] = SizeText.Parse("size", size).ToString(CultureInfo.InvariantCulture);
        return Creator.CreateAsync("qcow2", fileName, set);
    }

    public ValueTask<BlockNode> OpenAsync(
        string fileName, string options = "", OpenFlags flags = OpenFlags.ReadWrite) =>
        Opener.OpenAsync(fileName, flags, Create.ImageCreatorTests.ToOptions(options), "qcow2");
}
