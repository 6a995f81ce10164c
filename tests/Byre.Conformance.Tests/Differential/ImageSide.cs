using Byre.Conformance.Tests.Programs;
using Byre.Conformance.Tests.Tools;

namespace Byre.Conformance.Tests.Differential;

/// <summary>
/// One of the two images that a program is run on: a directory of its own, in which the files have the same names as
/// in the other's, and the guest's view of it. Not thread-safe.
/// </summary>
internal sealed class ImageSide
{
    private readonly bool _writeBack;

    /// <summary>Our asynchronous requests run on threads of their own.</summary>
    private readonly bool _inParallel;
    private int _overlays;

    public ImageSide(string label, string directory, GuestProgram program, ToolSet creator)
    {
        Label = label;
        Directory = directory;
        _writeBack = program.Seed % 2 == 0;
        _inParallel = program.Seed % 3 != 0;
        System.IO.Directory.CreateDirectory(directory);
        File.WriteAllBytes(Path.Combine(directory, PatternFile.Name), PatternFile.Content);
        byte[] backing = CreateBacking(program.Parameters, creator);
        Model = new GuestModel(program.Parameters, backing);
        CreateImage(program.Parameters, creator);
    }

    /// <summary>For reports: whose image it was at first.</summary>
    public string Label { get; }

    public string Directory { get; }

    /// <summary>The top image's name.</summary>
    public string Image { get; private set; } = "t.qcow2";

    public GuestModel Model { get; }

    /// <summary>Runs the steps of a phase.</summary>
    /// <returns>What the tools said of each step, without what may differ from run to run.</returns>
    public List<string> Run(IReadOnlyList<GuestStep> steps, ToolSet tools)
    {
        var said = new List<string>();
        var batch = new List<IoStep>();
        foreach (GuestStep step in steps)
        {
            if (step is IoStep io)
            {
                batch.Add(io);
                continue;
            }

            RunBatch(batch, tools, said);
            if (step is not ReopenStep)
                RunImageTool(step, tools, said);
        }

        RunBatch(batch, tools, said);
        return said;
    }

    private void RunBatch(List<IoStep> batch, ToolSet tools, List<string> said)
    {
        if (batch.Count == 0)
            return;
        var arguments = new List<string> { "-f", "qcow2", "-t", _writeBack ? "writeback" : "writethrough" };
        if (tools == ToolFinder.Ours && _inParallel)
            arguments.AddRange(["-i", "io_uring"]);
        foreach (IoStep step in batch)
        {
            arguments.Add("-c");
            arguments.Add(step.Command);
        }

        arguments.Add(Image);
        ToolResult result = tools.Io(Directory, arguments);
        foreach ((IoStep step, string outcome) in IoTranscript.Match(batch, result.Output))
        {
            said.Add($"{step.Command} => {outcome}");
            if (IoTranscript.Succeeded(outcome))
                Apply(step, said);
        }

        said.Add($"[qemu-io status {result.ExitStatus}] {Normalise(result.Errors)}");
        batch.Clear();
    }

    /// <summary>What a tool says it did must be possible: a resize that failed has changed nothing.</summary>
    private void Apply(IoStep step, List<string> said)
    {
        try
        {
            Model.Apply(step);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new DivergenceException(
                $"{Label}: {step.Command} succeeded behind the end of the disk, which has {Model.Content.Length} " +
                $"bytes\n{string.Join('\n', said)}");
        }
    }

    private void RunImageTool(GuestStep step, ToolSet tools, List<string> said)
    {
        ToolResult result = step switch
        {
            ResizeStep resize => tools.Image(
                Directory, "resize", "-q", "-f", "qcow2", "--shrink", $"--preallocation={resize.Preallocation}", Image,
                $"{resize.SizeBytes}"),
            SnapshotStep snapshot => tools.Image(Directory, "snapshot", Flag(snapshot.Action), snapshot.Name, Image),
            OverlayStep overlay => CreateOverlay(overlay, tools),
            _ => throw new InvalidOperationException($"unknown step {step}"),
        };
        said.Add($"{step} => [status {result.ExitStatus}] {result.Output}{Normalise(result.Errors)}");
        if (result.ExitStatus == 0)
            Model.Apply(step);
    }

    private static string Flag(SnapshotAction action) => action switch
    {
        SnapshotAction.Create => "-c",
        SnapshotAction.Delete => "-d",
        _ => "-a",
    };

    /// <summary>Messages of both tools begin with the same name; what they say of a corrupt image counts.</summary>
    private static string Normalise(string errors) => errors.TrimEnd();

    private ToolResult CreateOverlay(OverlayStep overlay, ToolSet tools)
    {
        string below = Image;
        Image = $"t{++_overlays}.qcow2";
        return tools.Image(
            Directory, "create", "-q", "-f", "qcow2", "-o", overlay.Parameters.CreateOptions, "-b", below, "-F",
            "qcow2", Image,
            $"{overlay.Parameters.SizeBytes}");
    }

    private byte[] CreateBacking(ImageParameters parameters, ToolSet creator)
    {
        if (parameters.BackingFormat is not { } format)
            return [];
        var content = new byte[parameters.BackingBytes];

        // Data, zeroes and holes in turn.
        for (int i = 0; i < content.Length; i++)
            content[i] = (i >> 12) % 3 == 1 ? (byte)0 : (byte)(((i >> 9) * 7) + (i % 251) + 1);
        File.WriteAllBytes(Path.Combine(Directory, "base.raw"), content);
        if (format == "qcow2")
            Expect(creator.Image(Directory, "convert", "-f", "raw", "-O", "qcow2", "base.raw", "base.qcow2"));
        return content;
    }

    private void CreateImage(ImageParameters parameters, ToolSet creator)
    {
        var arguments = new List<string> { "create", "-q", "-f", "qcow2", "-o", parameters.CreateOptions };
        if (parameters.BackingFormat is { } format)
            arguments.AddRange(["-b", $"base.{format}", "-F", format]);
        arguments.AddRange([Image, $"{parameters.SizeBytes}"]);
        Expect(creator.Image(Directory, arguments));
    }

    private static void Expect(ToolResult result)
    {
        if (result.ExitStatus != 0)
            throw new DivergenceException("the start image cannot be created:\n" + result);
    }
}
