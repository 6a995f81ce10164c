namespace Byre.Storage.Interop;

/// <summary>The origins of <c>lseek</c> that are used here, in the kernel's numbers.</summary>
internal enum SeekKind
{
    End = 2,

    /// <summary>The next data at or after the offset.</summary>
    Data = 3,

    /// <summary>The next hole at or after the offset; the end of the file counts as one.</summary>
    Hole = 4,
}
