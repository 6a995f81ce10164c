namespace Byre.Cli.Shared;

/// <summary>What <c>--output</c> chooses.</summary>
internal enum OutputFormat
{
    Human,
    Json,
}
