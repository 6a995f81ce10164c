namespace Byre.Conformance.Tests.Counts;

/// <summary>One system call on a file.</summary>
/// <param name="Name">Its name, such as pwrite64.</param>
/// <param name="Path">The file.</param>
/// <param name="Result">What it returned: for reads and writes, bytes.</param>
/// <param name="Offset">Its last argument before flags; for reads and writes at an offset, that offset.</param>
internal readonly record struct TracedCall(string Name, string Path, long Result, long Offset)
{
    private static readonly string[] s_reads = ["pread64", "preadv", "preadv2", "read", "readv"];
    private static readonly string[] s_writes = ["pwrite64", "pwritev", "pwritev2", "write", "writev"];

    /// <summary>What is traced.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. s_reads, .. s_writes, "fdatasync", "fsync", "sync_file_range", "fallocate", "ftruncate"];

    public bool IsRead => s_reads.Contains(Name);

    public bool IsWrite => s_writes.Contains(Name);

    public bool IsSync => Name is "fdatasync" or "fsync" or "sync_file_range";
}
