using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>Checks the entries of the refcount table and counts the refcount blocks. Belongs to one thread.</summary>
internal sealed class RefcountTableCheck(CheckContext context, RefcountStructure structure, ReferenceCounter counter)
{
    /// <summary>Checks all entries; true where the structure has to be rebuilt.</summary>
    public async ValueTask<bool> RunAsync(bool repairs)
    {
        bool needsRebuild = false;
        for (int i = 0; i < structure.EntryCount; i++)
        {
            ulong entry = structure.EntryAt(i);
            if (entry != 0)
                needsRebuild |= !await CheckEntryAsync(i, entry, repairs).ConfigureAwait(false);
        }

        return needsRebuild;
    }

    private async ValueTask<bool> CheckEntryAsync(int index, ulong entry, bool repairs)
    {
        ulong offset = entry & RefcountStructure.OffsetMask;
        if ((entry & RefcountStructure.ReservedMask) != 0)
        {
            context.Corrupt(
                CheckFindingId.RefcountTableEntryReservedBits,
                $"ERROR refcount table entry {index} has reserved bits set");
            return false;
        }

        if (!context.Geometry.IsClusterAligned((long)offset))
        {
            context.Corrupt(
                CheckFindingId.RefcountBlockUnaligned,
                $"ERROR refcount block {index} is not cluster aligned; refcount table entry corrupted");
            return false;
        }

        if (offset >> context.Geometry.ClusterBits >= (ulong)counter.Census.ClusterCount)
            return await HandleOutsideAsync(index, offset, repairs).ConfigureAwait(false);

        var place = new HostOffset((long)offset);
        counter.Count(place, context.ClusterSize);
        ulong references = counter.Census[context.Geometry.ClusterOf(place).Index];
        if (references == 1)
            return true;
        context.Corrupt(
            CheckFindingId.RefcountBlockShared, $"ERROR refcount block {index} refcount={references}");
        return false;
    }

    /// <summary>
    /// A block beyond the end of the file counts nothing: extending the file makes it one full of zeroes.
    /// </summary>
    private async ValueTask<bool> HandleOutsideAsync(int index, ulong offset, bool repairs)
    {
        string verb = repairs ? "Repairing" : "ERROR";
        context.Corrupt(CheckFindingId.RefcountBlockOutsideImage, $"{verb} refcount block {index} is outside image");
        if (!repairs)
            return true;
        try
        {
            if (offset > (ulong)(long.MaxValue - context.ClusterSize))
            {
                ReportResizeFailure(Errno.Invalid);
                return false;
            }

            // The limit on clusters that a check can count.
            if (offset >> context.Geometry.ClusterBits >= int.MaxValue)
                throw BlockException.FromErrno("Could not resize file", Errno.FileTooLarge);
            var request = new TruncateRequest((long)offset + context.ClusterSize, Exact: false);
            await context.File.TruncateAsync(request, context.Cancellation).ConfigureAwait(false);
        }
        catch (BlockException error)
        {
            context.SayAsProgram(CheckFindingId.ResizeFailed, error.Message);
            ReportResizeFailure(error.Errno);
            return false;
        }

        counter.FileLengthChanged();
        counter.Census.GrowTo(context.Geometry.ClustersFor(context.File.LengthBytes));
        context.Tally.Corruptions--;
        context.Tally.CorruptionsFixed++;
        counter.Count(new HostOffset((long)offset), context.ClusterSize);
        return true;
    }

    private void ReportResizeFailure(int errno) =>
        context.Say(CheckFindingId.ResizeFailed, $"ERROR could not resize image: {Errno.Describe(errno)}");
}
