using Byre.Conformance.Tests.Programs;

namespace Byre.Conformance.Tests.Differential;

/// <summary>Reads what qemu-io printed for a batch of commands. Stateless.</summary>
internal static class IoTranscript
{
    private const string Nothing = "(nothing)";

    /// <summary>
    /// The line printed for each command. Asynchronous writes are found by their offset: they may end in any order.
    /// </summary>
    public static List<(IoStep Step, string Outcome)> Match(IReadOnlyList<IoStep> batch, string output)
    {
        Queue<string> events = Events(output);
        var matched = new List<(IoStep, string)>();
        var waiting = new List<WriteStep>();
        foreach (IoStep step in batch)
        {
            switch (step)
            {
                case WriteStep { Kind: WriteKind.Asynchronous } write:
                    waiting.Add(write);
                    break;
                case BarrierStep barrier:
                    MatchAsynchronous(waiting, events, matched);
                    matched.Add((barrier, Nothing));
                    break;
                case ReadStep when events.TryPeek(out string? first) &&
                    first.StartsWith("Pattern", StringComparison.Ordinal):
                    matched.Add((step, events.Dequeue() + "; " + Next(events)));
                    break;
                default:
                    matched.Add((step, Next(events)));
                    break;
            }
        }

        MatchAsynchronous(waiting, events, matched);
        return matched;
    }

    /// <summary>True where the outcome of a write, zero or discard says that it was done.</summary>
    public static bool Succeeded(string outcome) =>
        outcome.StartsWith("wrote ", StringComparison.Ordinal) ||
            outcome.StartsWith("discard ", StringComparison.Ordinal)
            ? !outcome.Contains("failed", StringComparison.Ordinal)
            : false;

    private static void MatchAsynchronous(List<WriteStep> waiting, Queue<string> events, List<(IoStep, string)> matched)
    {
        var said = new List<string>();
        for (int i = 0; i < waiting.Count; i++)
            said.Add(Next(events));
        foreach (WriteStep write in waiting)
        {
            string wanted = $"wrote {write.Length}/{write.Length} bytes at offset {write.Offset}";
            int index = said.IndexOf(wanted);
            if (index < 0)
                index = said.FindIndex(line => !line.StartsWith("wrote ", StringComparison.Ordinal));
            matched.Add((write, index < 0 ? Nothing : said[index]));
            if (index >= 0)
                said.RemoveAt(index);
        }

        waiting.Clear();
    }

    private static string Next(Queue<string> events) => events.TryDequeue(out string? line) ? line : Nothing;

    private static Queue<string> Events(string output)
    {
        var events = new Queue<string>();
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!line.Contains(" ops; ", StringComparison.Ordinal))
                events.Enqueue(line);
        }

        return events;
    }
}
