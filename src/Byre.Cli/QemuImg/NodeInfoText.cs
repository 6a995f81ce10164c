using System.Globalization;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>Prints <see cref="NodeInfo"/> for people. Stateless.</summary>
internal static class NodeInfoText
{
    private const int IndentBlanks = 4;

    /// <summary>Prints a node and, indented, the nodes below it.</summary>
    public static void Print(StandardOutput output, NodeInfo info) => Print(output, info, level: 0, path: "/");

    private static void Print(StandardOutput output, NodeInfo info, int level, string path)
    {
        PrintNode(output, info, level, isProtocol: level > 0 && info.Children.Count == 0);
        foreach ((string name, NodeInfo child) in info.Children)
        {
            output.WriteLine($"{Indent(level)}Child node '{path}{name}':");
            Print(output, child, level + 1, path + name + "/");
        }
    }

    /// <summary>Prints the "Format specific information" of a node, where there is some.</summary>
    public static void PrintFormatSpecific(StandardOutput output, ImageInfo image, int level)
    {
        if (image.FormatSpecific is not { Entries.Count: > 0 } specific)
            return;
        output.WriteLine($"{Indent(level)}Format specific information:");
        PrintObject(output, specific, level + 1);
    }

    private static void PrintNode(StandardOutput output, NodeInfo info, int level, bool isProtocol)
    {
        string indent = Indent(level);
        string allocated = info.AllocatedBytes is { } bytes ? HumanSize.Format(bytes) : "unavailable";
        output.WriteLine($"{indent}{(isProtocol ? "filename" : "image")}: {info.FileName}");
        output.WriteLine($"{indent}{(isProtocol ? "protocol type" : "file format")}: {info.Format}");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{indent}{(isProtocol ? "file length" : "virtual size")}: {HumanSize.Format(info.LengthBytes)} " +
            $"({info.LengthBytes} bytes)"));
        output.WriteLine($"{indent}disk size: {allocated}");
        if (info.Image.IsEncrypted)
            output.WriteLine($"{indent}encrypted: yes");
        if (info.Image.ClusterSizeBytes > 0)
            output.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{indent}cluster_size: {info.Image.ClusterSizeBytes}"));
        if (info.Image.IsDirty)
            output.WriteLine($"{indent}cleanly shut down: no");
        PrintBacking(output, info, indent);
        if (info.Image.Snapshots.Count > 0)
            SnapshotTable.Print(output, info.Image.Snapshots, indent);
        PrintFormatSpecific(output, info.Image, level);
    }

    private static void PrintBacking(StandardOutput output, NodeInfo info, string indent)
    {
        if (info.BackingFileName is not { } backing)
            return;
        string actual = info.FullBackingFileName switch
        {
            null => " (cannot determine actual path)",
            string full when full != backing => $" (actual path: {full})",
            _ => "",
        };
        output.WriteLine($"{indent}backing file: {backing}{actual}");
        if (info.BackingFormat is { } format)
            output.WriteLine($"{indent}backing file format: {format}");
    }

    private static void PrintObject(StandardOutput output, InfoObject dictionary, int level)
    {
        foreach ((string key, object value) in QDictOrder.Sort(dictionary.Entries, entry => entry.Key))
            PrintEntry(output, key.Replace('-', ' '), value, level);
    }

    private static void PrintEntry(StandardOutput output, string heading, object value, int level)
    {
        string start = Indent(level) + heading + ":";
        switch (value)
        {
            case InfoObject dictionary:
                output.WriteLine(start);
                PrintObject(output, dictionary, level + 1);
                break;
            case string text:
                output.WriteLine(start + " " + text);
                break;
            case bool flag:
                output.WriteLine(start + (flag ? " true" : " false"));
                break;
            case IReadOnlyList<object> list:
                output.WriteLine(start);
                for (int i = 0; i < list.Count; i++)
                    PrintEntry(output, "[" + i.ToString(CultureInfo.InvariantCulture) + "]", list[i], level + 1);
                break;
            default:
                output.WriteLine(start + " " + ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
                break;
        }
    }

    private static string Indent(int level) => new(' ', level * IndentBlanks);
}
