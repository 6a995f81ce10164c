using Byre.Storage.IoUring;

namespace Byre.Storage.Tests.Support;

/// <summary>A ring whose operations on files end as <see cref="Alter"/> says.</summary>
internal sealed class FaultyRing : Ring
{
    private FaultyRing(int descriptor, in RingParameters parameters)
        : base(descriptor, parameters)
    {
    }

    /// <summary>From what the kernel says to what is reported.</summary>
    public Func<int, int> Alter { get; set; } = result => result;

    /// <summary>Results of operations on files so far.</summary>
    public int Ended { get; private set; }

    public static FaultyRing Create() => TrySetUp(16, out int descriptor, out RingParameters parameters)
        ? new FaultyRing(descriptor, parameters)
        : throw new InvalidOperationException("the kernel has no io_uring");

    public override bool TryTake(out CompletionEntry completion)
    {
        if (!base.TryTake(out completion))
            return false;
        if (!RingReactor.IsOperation(completion.Token))
            return true;
        Ended++;
        completion.Result = Alter(completion.Result);
        return true;
    }
}
