namespace Byre.Cli.QemuImg;

/// <summary>One of the two forms in which <c>map</c> prints its lines.</summary>
internal interface IMapWriter
{
    /// <summary>Prints what comes before the first line.</summary>
    void Begin();

    /// <summary>Prints a line.</summary>
    /// <param name="entry">The line.</param>
    /// <param name="next">The line after it; null for the last.</param>
    /// <returns><paramref name="next"/>, perhaps changed so that it merges better with what follows.</returns>
    MapEntry? Write(in MapEntry entry, MapEntry? next);

    /// <summary>Prints what comes after the last line.</summary>
    void End();
}
