using System.Text;

namespace Byre.Cli.QemuIo;

/// <summary>Reads commands from standard input, one in a line, after a prompt that is flushed.</summary>
internal static class CommandPrompt
{
    /// <summary>Runs commands until the input ends or one says "quit".</summary>
    /// <returns>False where one failed.</returns>
    public static async ValueTask<bool> RunAsync(IoSession session)
    {
        bool succeeded = true;
        using Stream input = Console.OpenStandardInput();
        using var lines = new StreamReader(input, Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
        while (!session.QuitRequested)
        {
            session.Output.Write($"{session.Context.ProgramName}> ");
            session.Output.Flush();
            session.Requests.Report();
            if (await lines.ReadLineAsync().ConfigureAwait(false) is not { } line)
                break;
            succeeded &= await CommandDispatcher.RunAsync(session, line).ConfigureAwait(false);
        }

        return succeeded;
    }
}
