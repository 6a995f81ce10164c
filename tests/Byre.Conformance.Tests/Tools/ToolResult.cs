namespace Byre.Conformance.Tests.Tools;

/// <summary>What a tool's process left behind.</summary>
/// <param name="Command">The command line, for reports.</param>
/// <param name="ExitStatus">Its exit status; 128 + N after signal N.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Errors">Standard error.</param>
public sealed record ToolResult(string Command, int ExitStatus, string Output, string Errors)
{
    public override string ToString() => $"$ {Command}\n{Output}{Errors}[status {ExitStatus}]";
}
