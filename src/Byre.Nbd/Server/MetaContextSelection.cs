using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>Which contexts of an export's block status a client wants. Not thread-safe while it is filled.</summary>
internal sealed class MetaContextSelection(NbdExport export)
{
    private readonly bool[] _bitmaps = new bool[export.Bitmaps.Count];

    public NbdExport Export => export;

    public bool BaseAllocation { get; set; }

    public bool AllocationDepth { get; set; }

    /// <summary>How many there are.</summary>
    public int Count => (BaseAllocation ? 1 : 0) + (AllocationDepth ? 1 : 0) + _bitmaps.Count(wanted => wanted);

    public bool HasBitmap(int index) => _bitmaps[index];

    /// <summary>Adds what a query names. A query that ends after its namespace's colon names all of it, where
    /// <paramref name="isList"/>.</summary>
    public void Add(string query, bool isList)
    {
        const string BaseNamespace = "base:";
        const string QemuNamespace = "qemu:";
        if (query == MetaContextId.BaseAllocationName || (isList && query == BaseNamespace))
            BaseAllocation = true;
        if (query == MetaContextId.AllocationDepthName || (isList && query == QemuNamespace))
            AllocationDepth = export.OffersAllocationDepth;
        bool allBitmaps = isList && query is (QemuNamespace or MetaContextId.BitmapPrefix);
        for (int i = 0; i < _bitmaps.Length; i++)
            _bitmaps[i] |= allBitmaps || query == MetaContextId.BitmapPrefix + export.Bitmaps[i].Name;
    }

    public void AddAll()
    {
        BaseAllocation = true;
        AllocationDepth = export.OffersAllocationDepth;
        Array.Fill(_bitmaps, true);
    }

    /// <summary>Adds the context with the number <paramref name="id"/>, out of those in <paramref name="among"/>; false
    /// where it is not among them or was added before.</summary>
    public bool TryAdd(uint id, MetaContextSelection among)
    {
        if (!among.Has(id) || Has(id))
            return false;
        switch (id)
        {
            case MetaContextId.BaseAllocation: BaseAllocation = true; break;
            case MetaContextId.AllocationDepth: AllocationDepth = true; break;
            default: _bitmaps[id - MetaContextId.FirstBitmap] = true; break;
        }

        return true;
    }

    /// <summary>Numbers and names, in the order in which answers come.</summary>
    public IEnumerable<(uint Id, string Name)> Enumerate()
    {
        if (BaseAllocation)
            yield return (MetaContextId.BaseAllocation, MetaContextId.BaseAllocationName);
        if (AllocationDepth)
            yield return (MetaContextId.AllocationDepth, MetaContextId.AllocationDepthName);
        for (int i = 0; i < _bitmaps.Length; i++)
        {
            if (_bitmaps[i])
                yield return (MetaContextId.FirstBitmap + (uint)i, MetaContextId.BitmapPrefix + export.Bitmaps[i].Name);
        }
    }

    private bool Has(uint id) => id switch
    {
        MetaContextId.BaseAllocation => BaseAllocation,
        MetaContextId.AllocationDepth => AllocationDepth,
        _ => id - MetaContextId.FirstBitmap < (uint)_bitmaps.Length && _bitmaps[id - MetaContextId.FirstBitmap],
    };
}
