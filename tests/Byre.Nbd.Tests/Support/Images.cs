using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Nbd.Client;
using Byre.Qcow2;
using Byre.Storage.Drivers;
using Byre.Storage.Memory;

namespace Byre.Nbd.Tests.Support;

/// <summary>Opens and creates images as a program does.</summary>
internal static class Images
{
    public static ImageOpener Opener { get; } = new(new DriverRegistry(
        new RawDriver(), new Qcow2Driver(), new FileDriver(), MemoryDriver.Instance, new NbdDriver()));

    public static ValueTask<BlockNode> OpenAsync(string fileName, params (string Key, string Value)[] options)
    {
        var set = new OptionSet();
        if (fileName.Length > 0)
            set["driver"] = fileName.StartsWith("nbd", StringComparison.Ordinal) ? "raw" : "qcow2";
        foreach ((string key, string value) in options)
            set[key] = value;
        return Opener.OpenAsync(fileName.Length == 0 ? null : fileName, OpenFlags.ReadWrite | OpenFlags.Unmap, set);
    }

    /// <summary>Memory of this many bytes, which stores nothing but zeroes at first.</summary>
    public static ValueTask<BlockNode> OpenMemoryAsync(long sizeBytes) =>
        OpenAsync("", ("driver", "memory"), ("size", sizeBytes.ToString()));

    public static ValueTask CreateAsync(string format, string fileName, long sizeBytes) =>
        new ImageCreatorService(Opener).CreateAsync(
            format, fileName, new OptionSet { ["size"] = sizeBytes.ToString() });
}
