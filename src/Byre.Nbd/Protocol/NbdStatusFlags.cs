namespace Byre.Nbd.Protocol;

/// <summary>The bits of an extent in the context base:allocation.</summary>
[Flags]
internal enum NbdStatusFlags : uint
{
    None = 0,
    Hole = 1,
    Zero = 2,
}
