using Byre.Block.Bitmaps;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>
/// One disk that a server offers: a node with a name. Immutable; the backend stays the caller's and must not be resized
/// or closed while a server has the export.
/// </summary>
public sealed class NbdExport
{
    /// <param name="name">The name clients ask for; empty for the default export. At most 4096 bytes of UTF-8.</param>
    /// <param name="backend">What is exported, with a length in whole sectors: a shorter last one is left out.</param>
    /// <param name="isReadOnly">Writes are refused.</param>
    /// <exception cref="BlockException">The name is too long.</exception>
    public NbdExport(string name, BlockBackend backend, bool isReadOnly)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(name) > NbdLimits.MaxStringBytes)
            throw BlockException.Invalid($"export name '{name}' too long");
        Name = name;
        Backend = backend;
        IsReadOnly = isReadOnly;
        LengthBytes = backend.LengthBytes & -NbdLimits.SectorBytes;
    }

    public string Name { get; }

    public BlockBackend Backend { get; }

    public bool IsReadOnly { get; }

    /// <summary>Length in bytes, a multiple of 512.</summary>
    public long LengthBytes { get; }

    /// <summary>A text for humans; null for none. At most 4096 bytes of UTF-8.</summary>
    public string? Description { get; init; }

    /// <summary>Offers the context qemu:allocation-depth.</summary>
    public bool OffersAllocationDepth { get; init; }

    /// <summary>Offers a context qemu:dirty-bitmap:NAME for each.</summary>
    public IReadOnlyList<DirtyBitmap> Bitmaps { get; init; } = [];

    /// <summary>What all clients of this export did together.</summary>
    public ExportStatistics Statistics { get; } = new();

    /// <summary>The flags that every client is told; some more depend on what it negotiated.</summary>
    internal TransmissionFlags Flags(bool allowsSeveralConnections)
    {
        TransmissionFlags flags = TransmissionFlags.HasFlags | TransmissionFlags.SendFlush
            | TransmissionFlags.SendForceUnitAccess | TransmissionFlags.SendCache;
        // All connections use one node, whose flush covers everything that completed on any of them.
        if (allowsSeveralConnections)
            flags |= TransmissionFlags.CanMultiConnect;
        return flags | (IsReadOnly
            ? TransmissionFlags.ReadOnly
            : TransmissionFlags.SendTrim | TransmissionFlags.SendWriteZeroes | TransmissionFlags.SendFastZero);
    }
}
