using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// The drivers a program has, listed explicitly. Immutable and thread-safe.
/// </summary>
public sealed class DriverRegistry
{
    private readonly BlockDriver[] _drivers;

    /// <param name="drivers">All drivers. Of two that probe with the same score the earlier wins.</param>
    public DriverRegistry(params IEnumerable<BlockDriver> drivers)
    {
        _drivers = [.. drivers];
        for (int i = 0; i < _drivers.Length; i++)
        {
            for (int j = 0; j < i; j++)
                Invariant.That(_drivers[i].Name != _drivers[j].Name);
        }
    }

    /// <summary>All drivers in the order given.</summary>
    public IReadOnlyList<BlockDriver> Drivers => _drivers;

    /// <summary>All names, sorted, as the programs' help lists them.</summary>
    public IEnumerable<string> FormatNames => _drivers.Select(driver => driver.Name).Order(StringComparer.Ordinal);

    /// <summary>The driver called <paramref name="name"/>; null where there is none.</summary>
    public BlockDriver? Find(string name)
    {
        foreach (BlockDriver driver in _drivers)
        {
            if (driver.Name == name)
                return driver;
        }

        return null;
    }

    /// <summary>The driver called <paramref name="name"/>.</summary>
    /// <exception cref="BlockException">"Unknown driver 'foo'".</exception>
    public BlockDriver Get(string name) =>
        Find(name)
            ?? throw new BlockException(BlockErrorKind.InvalidArgument, Errno.NoEntry, $"Unknown driver '{name}'");

    /// <summary>
    /// The protocol driver for a file name: a device driver that recognises it, else the one its prefix names, else
    /// "file".
    /// </summary>
    /// <param name="fileName">The name, with or without a prefix.</param>
    /// <param name="allowPrefix">False: a colon is part of the name.</param>
    /// <exception cref="BlockException">"Unknown protocol 'foo'".</exception>
    public BlockDriver FindProtocol(string fileName, bool allowPrefix = true)
    {
        if (FindDevice(fileName) is { } device)
            return device;
        if (!allowPrefix || FileNames.ProtocolOf(fileName) is not { } protocol)
            return Get("file");
        foreach (BlockDriver driver in _drivers)
        {
            if (driver.OpensPrefix(protocol))
                return driver;
        }

        throw BlockException.Invalid($"Unknown protocol '{protocol}'");
    }

    /// <summary>
    /// The format that is surest of <paramref name="header"/>, the first bytes of a file; null for none.
    /// </summary>
    public BlockDriver? Probe(ReadOnlySpan<byte> header, string fileName)
    {
        BlockDriver? best = null;
        int bestScore = 0;
        foreach (BlockDriver driver in _drivers)
        {
            int score = driver.Probe(header, fileName);
            if (score > bestScore)
            {
                bestScore = score;
                best = driver;
            }
        }

        return best;
    }

    private BlockDriver? FindDevice(string fileName)
    {
        BlockDriver? best = null;
        int bestScore = 0;
        foreach (BlockDriver driver in _drivers)
        {
            int score = driver.ProbeDevice(fileName);
            if (score > bestScore)
            {
                bestScore = score;
                best = driver;
            }
        }

        return best;
    }
}
