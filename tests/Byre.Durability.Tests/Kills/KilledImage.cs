using System.Globalization;
using Byre.Durability.Tests.Support;
using Byre.Qcow2.Check;
using Byre.Tests.Shared;

namespace Byre.Durability.Tests.Kills;

/// <summary>
/// One image and the writers that are killed on it, one after the other: each goes on with what the last one left.
/// Everything random follows from the case's number, except where exactly a kill hits.
/// </summary>
internal sealed class KilledImage : IDisposable
{
    private const int PeerCheckEvery = 16;

    private static readonly string[] RepairNotices = ["Repairing ", "Leaked ", "ERROR ", "Rebuilding "];

    private readonly int _case;
    private readonly Random _random;
    private readonly KillScenario _scenario;
    private readonly WorkFolder _folder;
    private readonly string[] _arguments;
    private readonly KillStatistics _statistics;
    private readonly List<string> _log = [];
    private readonly bool _writesThrough;
    private readonly bool _inParallel;
    private readonly DiskModel _model;
    private int _round;

    public KilledImage(int number, KillStatistics statistics)
    {
        _case = number;
        _statistics = statistics;
        _random = new Random(number);
        _scenario = KillScenario.All[number % KillScenario.All.Count];
        _folder = new WorkFolder(inMemory: _random.Next(2) == 0);
        _writesThrough = _random.Next(8) == 0;
        _inParallel = _random.Next(3) == 0;
        _arguments = [.. MakeArguments()];
        _model = new DiskModel(Create());
        _statistics.AddImage();
    }

    private string ImagePath => _folder["disk.qcow2"];

    public void Dispose() => _folder.Dispose();

    /// <summary>One more writer: started, killed, and what it left looked at.</summary>
    public async Task RunAsync()
    {
        _round++;
        int count = _random.Next(4, 60);
        var generator = new CommandGenerator(_random, _scenario, _model.Durable.Length, _inParallel);
        List<WriterCommand> commands = generator.Make(count);
        (int after, TimeSpan delay) = _random.Next(10) switch
        {
            0 => (-1, TimeSpan.FromMilliseconds(_random.NextDouble() * 90)),
            1 => (commands.Count, TimeSpan.FromMicroseconds(_random.Next(3000))),
            _ => (_random.Next(commands.Count), TimeSpan.FromMicroseconds(_random.Next(400))),
        };
        KilledWriter writer = KilledWriter.Run(_arguments, commands, after, delay);
        _statistics.AddKill(writer.ExitCode == 137);
        Note(commands, writer);
        Require(writer.ExitCode is 137 or 0 or 1, () => $"exit status {writer.ExitCode}: {writer.Errors}");
        Require(writer.Errors.Length == 0 || IsRepairNotice(writer.Errors), () => writer.Errors);
        Apply(commands, writer.Answers);
        await VerifyAsync();
    }

    private static bool IsRepairNotice(string errors) =>
        errors.Split('\n').All(line => line.Length == 0 || RepairNotices.Any(
            notice => line.StartsWith(notice, StringComparison.Ordinal)));

    private IEnumerable<string> MakeArguments()
    {
        string options = $"driver=qcow2,file.filename={ImagePath}";
        if (_random.Next(2) == 0)
        {
            int entry = Math.Min(512, _scenario.ClusterBytes);
            options += $",l2-cache-entry-size={entry},l2-cache-size={2 * entry}," +
                $"refcount-cache-size={4 * _scenario.ClusterBytes}";
        }

        if (_random.Next(2) == 0)
            options += $",compressed-cache-size={_random.Next(3) * _scenario.ClusterBytes}";
        string cache = _writesThrough ? "writethrough" : _random.Next(3) switch
        {
            0 => "none",
            1 => "writeback",
            _ => "",
        };
        IEnumerable<string> arguments = ["io"];
        if (cache.Length > 0)
            arguments = [.. arguments, "-t", cache];
        if (_inParallel)
            arguments = [.. arguments, "-i", "io_uring"];
        return [.. arguments, "--image-opts", options];
    }

    private byte[] Create()
    {
        byte[] content = new byte[_scenario.DiskBytes];
        var arguments = new List<string> { "create", "-q", "-f", "qcow2" };
        string options = $"cluster_size={_scenario.ClusterBytes}";
        if (_scenario.Options.Length > 0)
            options += "," + _scenario.Options;
        if (_scenario.HasDataFile)
            options += $",data_file={_folder["disk.raw"]}";
        if (_scenario.BackingBytes > 0)
        {
            byte[] backing = new byte[_scenario.BackingBytes];
            _random.NextBytes(backing);
            File.WriteAllBytes(_folder["backing.raw"], backing);
            backing.AsSpan(0, Math.Min(backing.Length, content.Length)).CopyTo(content);
            arguments.AddRange(["-b", _folder["backing.raw"], "-F", "raw"]);
        }

        arguments.AddRange(
            ["-o", options, ImagePath, _scenario.DiskBytes.ToString(CultureInfo.InvariantCulture)]);
        Programs.RunOurs(arguments);
        return content;
    }

    /// <summary>Tells the model what was done, and what may have been.</summary>
    private void Apply(List<WriterCommand> commands, List<string> answers)
    {
        int drained = commands.FindLastIndex(
            Math.Max(answers.Count - 1, 0), command => command.Kind == WriterCommandKind.Drain);
        if (answers.Count == 0)
            drained = -1;
        int flushes = 0;
        for (int i = 0; i < commands.Count; i++)
        {
            WriterCommand command = commands[i];
            bool isDone = i < (command.IsAsync ? drained : answers.Count);
            switch (command.Kind)
            {
                case WriterCommandKind.Drain:
                    break;
                case WriterCommandKind.Flush:
                    if (!isDone)
                        break;
                    Require(answers[i].Length == 0 || _inParallel, () => $"flush said {answers[i]}");
                    flushes++;
                    _model.Flushed();
                    break;
                case WriterCommandKind.WriteCompressed when isDone && answers[i].StartsWith(
                    "write failed: Input/output error", StringComparison.Ordinal):
                    break;
                default:
                    if (!isDone)
                    {
                        _model.Fill(command.Offset, command.Length, command.Value, isCertain: false);
                        break;
                    }

                    Require(
                        !answers[i].Contains("failed", StringComparison.Ordinal),
                        () => $"{command.Text}: {answers[i]}");
                    _model.Fill(command.Offset, command.Length, command.Value);
                    // A discard is advice: no cache mode makes it durable at once.
                    bool isWrite = command.Text.StartsWith("write", StringComparison.Ordinal);
                    if (_writesThrough && isWrite)
                        _model.Flushed();
                    break;
            }
        }

        _statistics.AddAnswers(answers.Count, flushes);
    }

    private async Task VerifyAsync()
    {
        byte[] actual = await Task.Run(() => ImageVerifier.ReadAsync(ImagePath));
        if (_model.FindLoss(actual) is { } loss)
            Assert.Fail(Explain(loss));
        _model.Settle(actual);

        string checkedPath = ImagePath;
        if (await ImageVerifier.IsDirtyAsync(ImagePath))
        {
            checkedPath = _folder["copy.qcow2"];
            File.Copy(ImagePath, checkedPath, overwrite: true);
            await ImageVerifier.RepairAsync(checkedPath);
            byte[] repaired = await ImageVerifier.ReadAsync(checkedPath);
            Require(repaired.AsSpan().SequenceEqual(actual), () => "the repair changed the content");
        }

        (CheckReport report, string findings) = await ImageVerifier.CheckAsync(checkedPath);
        Require(report.Corruptions == 0 && report.CheckErrors == 0, () => findings);
        if (report.Leaks > 0)
            _statistics.AddLeaky();
        if (_random.Next(PeerCheckEvery) != 0 || Programs.PeerImg is null)
            return;
        _statistics.AddPeerCheck();
        ToolResult peer = Programs.Run(Programs.PeerImg, "check", "-U", "-f", "qcow2", checkedPath);
        Require(peer.ExitCode is 0 or 3, () => $"qemu-img check says {peer.Output}{peer.Errors}");
    }

    private void Note(List<WriterCommand> commands, KilledWriter writer)
    {
        _log.Add($"# round {_round}: {writer.Answers.Count} of {commands.Count} acknowledged");
        _log.AddRange(commands.Select(command => command.Text));
    }

    private void Require(bool condition, Func<string> what)
    {
        if (!condition)
            Assert.Fail(Explain(what()));
    }

    /// <summary>What failed, how to repeat it, and where the image and the commands are now.</summary>
    private string Explain(string what)
    {
        string kept = Path.Combine(Path.GetTempPath(), $"byre-killed-{_case}-{_round}");
        Directory.CreateDirectory(kept);
        foreach (string file in Directory.GetFiles(_folder.Folder))
            File.Copy(file, Path.Combine(kept, Path.GetFileName(file)), overwrite: true);
        File.WriteAllLines(Path.Combine(kept, "commands"), _log);
        return $"case {_case} ({_scenario.Name}), round {_round}: {what}\n" +
            $"byre {string.Join(' ', _arguments)}\n" +
            $"the image and the commands are in {kept}; again: BYRE_KILL_CASE={_case} ./test --project Durability";
    }
}
