namespace Byre.Cli.Demo;

/// <summary>One line of the demonstration's table.</summary>
/// <param name="What">What was done.</param>
/// <param name="HostBytes">Bytes of the file concerned on the host; null for none.</param>
/// <param name="Elapsed">How long it took.</param>
/// <param name="Remark">Rates and results.</param>
internal sealed record DemoRow(string What, long? HostBytes, TimeSpan Elapsed, string Remark)
{
    /// <summary>Look-ups in the cache of L2 tables that were hits, and all; null where none were counted.</summary>
    public (long Hits, long All)? CacheLookups { get; init; }
}
