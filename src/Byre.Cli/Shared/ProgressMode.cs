namespace Byre.Cli.Shared;

/// <summary>How a long command tells of its progress.</summary>
internal enum ProgressMode
{
    /// <summary>Not at all, unless a SIGUSR1 asks.</summary>
    Silent,

    /// <summary>A line that is written over again and again (<c>-p</c>).</summary>
    Line,

    /// <summary>One JSON object a line (<c>--progress=json</c>).</summary>
    Json,
}
