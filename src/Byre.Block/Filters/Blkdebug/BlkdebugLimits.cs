using System.Numerics;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters.Blkdebug;

/// <summary>The limits a user has a blkdebug node pretend. Stateless.</summary>
internal static class BlkdebugLimits
{
    /// <summary>Takes the options; <paramref name="child"/> is what the node below demands.</summary>
    /// <exception cref="BlockException">"Cannot meet constraints with align 3".</exception>
    public static BlockLimits Take(OptionSet options, BlockLimits child)
    {
        long requestAlign = options.TakeSize("align") ?? 0;
        if (requestAlign != 0 && (requestAlign >= int.MaxValue || !BitOperations.IsPow2(requestAlign)))
            throw Refuse("align", requestAlign);
        long align = Math.Max(Math.Max(requestAlign, child.RequestAlignmentBytes), 1);

        BlockLimits limits = child.PassedUp();
        long maxTransfer = Take(options, "max-transfer", align);
        long zeroAlign = Take(options, "opt-write-zero", align);
        long maxZero = Take(options, "max-write-zero", Math.Max(zeroAlign, align));
        long discardAlign = Take(options, "opt-discard", align);
        long maxDiscard = Take(options, "max-discard", Math.Max(discardAlign, align));
        return limits with
        {
            RequestAlignmentBytes = (int)Math.Max(requestAlign, 1),
            MaxTransferBytes = maxTransfer != 0 ? maxTransfer : limits.MaxTransferBytes,
            WriteZeroesAlignmentBytes = zeroAlign,
            MaxWriteZeroesBytes = maxZero,
            DiscardAlignmentBytes = discardAlign != 0 ? discardAlign : limits.DiscardAlignmentBytes,
            MaxDiscardBytes = maxDiscard,
        };
    }

    private static long Take(OptionSet options, string name, long multipleOf)
    {
        long value = options.TakeSize(name) ?? 0;
        return value < int.MaxValue && value % multipleOf == 0 ? value : throw Refuse(name, value);
    }

    private static BlockException Refuse(string name, long value) =>
        BlockException.Invalid($"Cannot meet constraints with {name} {value}");
}
