namespace Byre.Nbd.Protocol;

/// <summary>The numbers that this server gives the contexts of block status, and their names.</summary>
internal static class MetaContextId
{
    public const uint BaseAllocation = 0;
    public const uint AllocationDepth = 1;

    /// <summary>The first bitmap's; the others follow.</summary>
    public const uint FirstBitmap = 2;

    /// <summary>The flag of an extent in a bitmap's context.</summary>
    public const uint DirtyFlag = 1;

    public const string BaseAllocationName = "base:allocation";
    public const string AllocationDepthName = "qemu:allocation-depth";
    public const string BitmapPrefix = "qemu:dirty-bitmap:";
}
