namespace Byre.Cli.Shared;

/// <summary>
/// Secrets defined on the command line (<c>--object secret,id=sec0,data=...</c>), by id. Not thread-safe.
/// </summary>
internal sealed class SecretTable
{
    private readonly Dictionary<string, byte[]> _secrets = new(StringComparer.Ordinal);

    /// <summary>Adds a secret; false where the id is taken.</summary>
    public bool TryAdd(string id, byte[] data) => _secrets.TryAdd(id, data);

    /// <summary>The bytes of a secret; null where none has the id.</summary>
    public byte[]? Find(string id) => _secrets.GetValueOrDefault(id);
}
