using Byre.Block.Graph;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>A file whose calls do not all do what they should.</summary>
internal interface IFaultFile
{
    /// <summary>The file, open.</summary>
    BlockNode Node { get; }

    /// <summary>What the disk holds once everything was written back that is not lost.</summary>
    byte[] TakeDisk();

    /// <summary>Opens it anew: what is lost shows now.</summary>
    void Reopen();
}
