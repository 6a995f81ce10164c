namespace Byre.Durability.Tests.Support;

/// <summary>How a program ended and what it printed.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Errors);
