using System.Globalization;
using System.Text.RegularExpressions;

namespace Byre.Conformance.Tests.Counts;

/// <summary>Reads what <c>strace -f -y</c> writes: "THREAD name(3&lt;/path&gt;, ...) = result". Stateless.</summary>
internal static partial class StraceLog
{
    private const string Unfinished = "<unfinished ...>";

    /// <summary>The calls that returned; a call that another thread interrupted stands on two lines.</summary>
    public static IEnumerable<TracedCall> Parse(IEnumerable<string> lines)
    {
        var started = new Dictionary<string, string>();
        foreach (string line in lines)
        {
            int blank = line.IndexOf(' ', StringComparison.Ordinal);
            if (blank < 0)
                continue;
            string thread = line[..blank];
            string call = line[blank..].Trim();
            if (call.EndsWith(Unfinished, StringComparison.Ordinal))
            {
                started[thread] = call[..^Unfinished.Length].TrimEnd();
                continue;
            }

            Match resumed = Resumed().Match(call);
            if (resumed.Success && started.Remove(thread, out string? first))
                call = first + resumed.Groups[1].Value;
            Match parts = Call().Match(call);
            if (parts.Success)
                yield return Create(parts);
        }
    }

    private static TracedCall Create(Match parts)
    {
        Group offset = parts.Groups["offset"];
        return new TracedCall(
            parts.Groups["name"].Value,
            parts.Groups["path"].Value,
            long.Parse(parts.Groups["result"].ValueSpan, CultureInfo.InvariantCulture),
            offset.Success ? long.Parse(offset.ValueSpan, CultureInfo.InvariantCulture) : 0);
    }

    [GeneratedRegex(@"^<\.\.\. \w+ resumed>(.*)")]
    private static partial Regex Resumed();

    [GeneratedRegex(@"^(?<name>\w+)\(\d+<(?<path>[^>]*)>.*?(, (?<offset>\d+)(, (0|RWF_\w+))?)?\)\s*= (?<result>-?\d+)")]
    private static partial Regex Call();
}
