using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters.Blkdebug;

/// <summary>
/// Rules as users write them: a file of "[inject-error]" and "[set-state]" groups with lines <c>key = "value"</c>, or
/// options "inject-error.0.event". Stateless.
/// </summary>
internal static class BlkdebugConfiguration
{
    private const string InjectError = "inject-error";
    private const string SetState = "set-state";
    private const int SectorBytes = 512;

    /// <summary>Adds the rules of the file and the options, which are taken out.</summary>
    public static void Read(string? fileName, OptionSet options, BlkdebugRules rules)
    {
        var groups = new List<(string Name, OptionSet Members)>();
        if (fileName is not null)
            ParseLines(ReadLines(fileName), groups);
        TakeGroups(InjectError, options, groups);
        TakeGroups(SetState, options, groups);

        foreach ((_, OptionSet members) in groups.Where(group => group.Name == InjectError))
            rules.Add(ParseInjectError(members));
        foreach ((_, OptionSet members) in groups.Where(group => group.Name == SetState))
            rules.Add(ParseSetState(members));
    }

    private static string[] ReadLines(string fileName)
    {
        const string Failure = "Could not read blkdebug config file";
        try
        {
            return File.ReadAllLines(fileName);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw BlockException.FromErrno(Failure, Errno.NoEntry);
        }
        catch (UnauthorizedAccessException)
        {
            throw BlockException.FromErrno(Failure, Errno.AccessDenied);
        }
        catch (IOException)
        {
            throw BlockException.FromErrno(Failure, Errno.InputOutput);
        }
    }

    private static void ParseLines(string[] lines, List<(string Name, OptionSet Members)> groups)
    {
        foreach (string line in lines)
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (line[0] == '[' && line.IndexOf(']', StringComparison.Ordinal) is var end and > 0)
            {
                string name = line[1..end].Split(' ')[0];
                if (name is not (InjectError or SetState))
                    throw BlockException.Invalid($"There is no option group '{name}'");
                groups.Add((name, new OptionSet()));
                continue;
            }

            int equals = line.IndexOf('=', StringComparison.Ordinal);
            string value = equals < 0 ? "" : line[(equals + 1)..].Trim();
            if (value.Length < 2 || value[0] != '"' || value[^1] != '"')
                throw BlockException.Invalid("parse error");
            if (groups.Count == 0)
                throw BlockException.Invalid("no group defined");
            groups[^1].Members[line[..equals].Trim()] = value[1..^1];
        }
    }

    private static void TakeGroups(string name, OptionSet options, List<(string Name, OptionSet Members)> groups)
    {
        for (int i = 0; ; i++)
        {
            OptionSet members = options.TakeSubset($"{name}.{i.ToString(CultureInfo.InvariantCulture)}.");
            if (members.IsEmpty)
                break;
            groups.Add((name, members));
        }

        OptionSet left = options.TakeSubset(name + ".");
        if (!left.IsEmpty)
            throw BlockException.Invalid($"Unused option '{left.Keys[0]}' for [{name}]");
    }

    private static InjectErrorRule ParseInjectError(OptionSet members)
    {
        var rule = new InjectErrorRule
        {
            Moment = TakeEvent(members),
            State = (int)(members.TakeNumber("state") ?? 0),
            Error = (int)(members.TakeNumber("errno") ?? Errno.InputOutput),
            Offset = members.TakeNumber("sector") * SectorBytes,
            IsOnce = members.TakeBool("once") ?? false,
            IsImmediate = members.TakeBool("immediately") ?? false,
            Types = TakeTypes(members),
        };
        CheckEmpty(InjectError, members);
        return rule;
    }

    private static SetStateRule ParseSetState(OptionSet members)
    {
        var rule = new SetStateRule
        {
            Moment = TakeEvent(members),
            State = (int)(members.TakeNumber("state") ?? 0),
            NewState = (int)(members.TakeNumber("new_state") ?? 0),
        };
        CheckEmpty(SetState, members);
        return rule;
    }

    private static BlockEvent TakeEvent(OptionSet members)
    {
        string name = members.Take("event") ?? throw BlockException.Invalid("Missing event name for rule");
        return BlockEventNames.Find(name) ?? throw BlockException.Invalid($"invalid parameter value: {name}");
    }

    private static BlkdebugIoType TakeTypes(OptionSet members)
    {
        string? name = members.Take("iotype");
        return name switch
        {
            null => BlkdebugIoType.Default,
            "read" => BlkdebugIoType.Read,
            "write" => BlkdebugIoType.Write,
            "write-zeroes" => BlkdebugIoType.WriteZeroes,
            "discard" => BlkdebugIoType.Discard,
            "flush" => BlkdebugIoType.Flush,
            "block-status" => BlkdebugIoType.BlockStatus,
            _ => throw BlockException.Invalid($"invalid parameter value: {name}"),
        };
    }

    private static void CheckEmpty(string group, OptionSet members)
    {
        if (!members.IsEmpty)
            throw BlockException.Invalid($"[{group}] section doesn't support the option '{members.Keys[0]}'");
    }
}
