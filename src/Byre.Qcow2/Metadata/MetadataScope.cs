namespace Byre.Qcow2.Metadata;

/// <summary>Proof that the metadata lock is held. Lives on the stack only.</summary>
internal readonly ref struct MetadataScope
{
    private readonly Lock.Scope _scope;

    internal MetadataScope(Lock.Scope scope) => _scope = scope;

    /// <summary>Leaves the lock.</summary>
    public void Dispose() => _scope.Dispose();
}
