using System.Diagnostics;
using System.Text;
using Byre.Durability.Tests.Support;

namespace Byre.Durability.Tests.Kills;

/// <summary>
/// A process that runs commands from its input and is killed while it does. What it printed until then tells which of
/// them were done: it prints a prompt before each and hands everything to the kernel with it.
/// </summary>
internal sealed class KilledWriter
{
    private static readonly byte[] Prompt = "byre> "u8.ToArray();

    private readonly StringBuilder _current = new();

    /// <summary>The output between two prompts, one for each command that was done.</summary>
    public List<string> Answers { get; } = [];

    /// <summary>What it complained about.</summary>
    public string Errors { get; private set; } = "";

    /// <summary>Its exit status; 137 where the kill came in time.</summary>
    public int ExitCode { get; private set; }

    /// <summary>Runs the writer and kills it.</summary>
    /// <param name="arguments">Of the program.</param>
    /// <param name="input">Its commands.</param>
    /// <param name="afterAnswers">Kill once so many commands were done; negative: without waiting for any.</param>
    /// <param name="delay">And so long after that.</param>
    public static KilledWriter Run(
        IEnumerable<string> arguments, IEnumerable<WriterCommand> input, int afterAnswers, TimeSpan delay)
    {
        var writer = new KilledWriter();
        using Process process = Programs.Start(Programs.Byre!, arguments, withInput: true);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(string.Concat(input.Select(command => command.Text + "\n")));
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it read them: its exit status is looked at below.
        }

        if (afterAnswers < 0)
            Kill(process, delay);
        byte[] buffer = new byte[4096];
        Stream output = process.StandardOutput.BaseStream;
        for (int count; (count = output.Read(buffer)) > 0;)
        {
            writer.Take(buffer.AsSpan(0, count));
            if (afterAnswers < 0 || writer.Answers.Count < afterAnswers || writer._prompts == 0)
                continue;
            afterAnswers = -1;
            Kill(process, delay);
        }

        process.WaitForExit();
        writer.Errors = errors.GetAwaiter().GetResult();
        writer.ExitCode = process.ExitCode;
        return writer;
    }

    private int _prompts;
    private int _matched;

    private static void Kill(Process process, TimeSpan delay)
    {
        long until = Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency);
        if (delay > TimeSpan.FromMilliseconds(3))
            Thread.Sleep(delay - TimeSpan.FromMilliseconds(2));
        while (Stopwatch.GetTimestamp() < until)
            Thread.SpinWait(20);
        process.Kill();
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            _current.Append((char)b);
            _matched = b == Prompt[_matched] ? _matched + 1 : b == Prompt[0] ? 1 : 0;
            if (_matched < Prompt.Length)
                continue;
            _matched = 0;
            _current.Length -= Prompt.Length;
            // The first prompt comes before the first command.
            if (_prompts++ > 0)
                Answers.Add(_current.ToString());
            _current.Clear();
        }
    }
}
