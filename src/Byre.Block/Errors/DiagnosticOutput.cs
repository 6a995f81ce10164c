namespace Byre.Block.Errors;

/// <summary>
/// Where nodes report events that no single request's failure tells in full (an image marked corrupt, a cache that
/// could not be flushed at close). A program points <see cref="Sink"/> at its error stream; a library's user may log
/// it. Lines come without program prefix, from any thread.
/// </summary>
public static class DiagnosticOutput
{
    /// <summary>Receives each line; null drops them.</summary>
    public static Action<string>? Sink { get; set; }

    public static void WriteLine(string line) => Sink?.Invoke(line);
}
