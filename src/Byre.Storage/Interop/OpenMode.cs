namespace Byre.Storage.Interop;

/// <summary>Flags of <c>open</c>, independent of the architecture's numbers.</summary>
[Flags]
internal enum OpenMode
{
    ReadOnly = 0,
    ReadWrite = 1,
    Create = 2,
    Direct = 4,
    NonBlocking = 8,
}
