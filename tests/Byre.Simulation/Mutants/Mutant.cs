using Byre.Qcow2.Metadata;
using Byre.Simulation.Devices;
using Byre.Simulation.Workloads;

namespace Byre.Simulation.Mutants;

/// <summary>
/// An engine, or a device under it, that breaks one rule of the ordering law. An explorer that does not notice has a
/// hole.
/// </summary>
public sealed class Mutant
{
    private readonly Func<DeviceOperation, bool>? _isLate;

    private Mutant(string name, SessionSettings settings, Func<DeviceOperation, bool>? isLate = null)
    {
        (Name, Settings, _isLate) = (name, settings, isLate);
    }

    /// <summary>Every mutant that a crash in a sequence of requests can give away.</summary>
    public static IReadOnlyList<Mutant> All { get; } =
    [
        WithoutRule(OrderingRules.StableBeforeLinks),
        WithoutRule(OrderingRules.LinksBeforeReturn),
        WithoutRule(OrderingRules.UnlinkBeforeReuse),
        WithoutRule(OrderingRules.BlockBeforeTableEntry),
        WithoutRule(OrderingRules.StructureBeforeHeader),
        WithoutRule(OrderingRules.HeaderBeforeReturn),
        WithoutRule(OrderingRules.CountsBeforeCleanBit),
        WithoutRule(OrderingRules.DirtyWhileInconsistent),
        WithoutRule(OrderingRules.GatheredBeforeStable),
        Late("compressed data is not stable before the entry that points to it", "WriteCompressed"),
        Late("data is not stable before the entry that points to it", "WriteAio"),
        Late("reference counts are not stable before the entries that need them", "RefblockUpdatePart"),
        Late("an L2 table is not stable before the L1 entry that points to it", "L2AllocWrite"),
        Late("an unlink is not stable before the cluster is counted down and reused", "L2Update"),
        Late("an L1 table is not stable before the header points to it", "L1GrowWriteTable"),
        Late("a refcount block is not stable before the refcount table points to it", "RefblockAllocWrite"),
        Dropped("the first device flush is dropped", static flush => flush == 1),
        Dropped("the second device flush is dropped", static flush => flush == 2),
        Dropped("every device flush is dropped", static _ => true),
    ];

    public string Name { get; }

    internal SessionSettings Settings { get; }

    internal Func<DeviceOperation, bool>? IsLate => _isLate;

    public override string ToString() => Name;

    private static Mutant WithoutRule(OrderingRules rule) =>
        new($"without {rule}", new SessionSettings { Rules = OrderingRules.All & ~rule });

    private static Mutant Late(string name, string purpose) =>
        new(name, SessionSettings.Plain, operation => operation.Purpose == purpose);

    private static Mutant Dropped(string name, Func<int, bool> drops) =>
        new(name, new SessionSettings { DropsFlush = drops });
}
