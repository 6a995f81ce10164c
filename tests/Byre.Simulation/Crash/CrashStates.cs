using Byre.Simulation.Devices;

namespace Byre.Simulation.Crash;

/// <summary>
/// Enumerates what devices may hold after the power goes at any moment of a log. A flush that has ended made durable
/// what had completed before it began; of everything else each sector shows its durable version or any later one.
/// <para>At each moment at which something volatile came to be: nothing of it, everything, each write alone, each one
/// lost, all subsets (or pairs), tears, seeded picks. What does not contain the newest write was enumerated before it
/// was issued.</para>
/// </summary>
public sealed class CrashStates
{
    private readonly DeviceLog _log;
    private readonly CrashLimits _limits;
    private readonly Random _random;
    private readonly DeviceState[] _durable;
    private readonly CrashImage _image;
    private readonly List<DeviceOperation> _volatile = [];
    private readonly HashSet<DeviceOperation> _late = [];
    private Action<CrashImage> _visit = static _ => { };

    /// <param name="log">What happened.</param>
    /// <param name="start">What each device held before; durable.</param>
    /// <param name="limits">How many images to make.</param>
    /// <param name="seed">Decides the seeded picks.</param>
    public CrashStates(DeviceLog log, IReadOnlyList<byte[]> start, CrashLimits limits, int seed)
    {
        (_log, _limits) = (log, limits);
        _random = new Random(seed);
        _durable = [.. start.Select(content => new DeviceState(content))];
        _image = new CrashImage([.. start.Select(content => new DeviceState(content))]);
    }

    /// <summary>
    /// A device that breaks a rule of the ordering law: the first flush that should make such a write durable does not.
    /// </summary>
    public Func<DeviceOperation, bool>? IsLate { get; init; }

    /// <summary>Visits the images of every crash after <paramref name="from"/>.</summary>
    /// <param name="from">Earlier moments are not visited.</param>
    /// <param name="answers">Moments at which the guest was told something: from then on more is promised.</param>
    /// <param name="visit">Called with each image, which is reused afterwards.</param>
    public void Visit(int from, IEnumerable<int> answers, Action<CrashImage> visit)
    {
        _visit = visit;
        var moments = new SortedDictionary<int, DeviceOperation?>();
        foreach (DeviceOperation operation in _log.Operations)
        {
            moments[operation.IssuedAt] = operation;
            if (operation is { Kind: DeviceOperationKind.Flush, CompletedAt: < DeviceOperation.Never })
                moments[operation.CompletedAt] = operation;
        }

        foreach (int answer in answers)
            moments.TryAdd(answer, null);
        foreach ((int moment, DeviceOperation? operation) in moments)
            Pass(moment, operation, moment > from && _random.Next(_limits.MomentsOneIn) == 0);
    }

    private void Pass(int moment, DeviceOperation? operation, bool visits)
    {
        _image.Moment = moment;
        bool isIssue = operation?.IssuedAt == moment;
        if (operation is { Kind: DeviceOperationKind.Flush })
        {
            if (isIssue)
                return;
            MakeDurable(operation);
        }
        else if (operation is not null)
        {
            _volatile.Add(operation);
            if (visits)
                VisitWithNewest();
            return;
        }

        if (visits)
            VisitAll();
    }

    private void MakeDurable(DeviceOperation flush)
    {
        int kept = 0;
        for (int i = 0; i < _volatile.Count; i++)
        {
            DeviceOperation operation = _volatile[i];
            if (operation.Device == flush.Device && operation.CompletedAt < flush.IssuedAt &&
                !(IsLate?.Invoke(operation) == true && _late.Add(operation)))
                _durable[operation.Device].Apply(operation);
            else
                _volatile[kept++] = operation;
        }

        _volatile.RemoveRange(kept, _volatile.Count - kept);
    }

    private void VisitWithNewest()
    {
        int newest = _volatile.Count - 1;
        Show("the newest alone", i => i == newest);
        Show("everything", static _ => true);
        VisitSubsets(newest, required: newest);
        Tear(newest);
        VisitPicks();
    }

    private void VisitAll()
    {
        Show("nothing", static _ => false);
        if (_volatile.Count == 0)
            return;
        Show("everything", static _ => true);
        VisitSubsets(_volatile.Count, required: -1);
        for (int i = 0; i < _volatile.Count; i++)
            Tear(i);
        VisitPicks();
    }

    /// <summary>Subsets of the first ones, with <paramref name="required"/> in all of them; -1: none.</summary>
    private void VisitSubsets(int count, int required)
    {
        if (count < _limits.SubsetsUpTo)
        {
            for (int mask = 0; mask < 1 << count; mask++)
            {
                int chosen = mask;
                Show("a subset", i => i == required || (i < count && (chosen >> i & 1) != 0));
            }

            return;
        }

        for (int one = 0; one < count; one++)
        {
            int lost = one;
            Show("one lost", i => i != lost);
            if (required >= 0)
            {
                Show("a pair", i => i == lost || i == required);
                continue;
            }

            Show("one alone", i => i == lost);
            for (int two = 0; two < one; two++)
            {
                int other = two;
                Show("a pair", i => i == lost || i == other);
            }
        }
    }

    private void Tear(int index)
    {
        int sectors = _volatile[index].SectorCount;
        int step = Math.Max(1, sectors / _limits.TearsPerWrite);
        for (int cut = 1; cut < sectors; cut += step)
        {
            foreach (bool others in new[] { false, true })
            {
                Reset($"the first {cut} sectors of one");
                Place(i => i == index ? (0, cut) : others ? (0, int.MaxValue) : (0, 0));
                Reset($"all but the first {cut} sectors of one");
                Place(i => i == index ? (cut, int.MaxValue) : others ? (0, int.MaxValue) : (0, 0));
            }
        }
    }

    private void VisitPicks()
    {
        if (_volatile.Count < 2 && _volatile[0].SectorCount < 3)
            return;
        for (int pick = 0; pick < _limits.RandomPicks; pick++)
        {
            Reset("sectors at random");
            foreach (DeviceOperation operation in _volatile)
            {
                if (operation.Kind == DeviceOperationKind.Length && _random.Next(2) == 0)
                    _image.Devices[operation.Device].Apply(operation);
                for (int sector = 0; sector < operation.SectorCount; sector++)
                {
                    if (_random.Next(2) == 0)
                        _image.Devices[operation.Device].Apply(operation, sector, sector + 1);
                }
            }

            _visit(_image);
        }
    }

    private void Show(string choice, Func<int, bool> includes)
    {
        Reset(choice);
        Place(i => includes(i) ? (0, int.MaxValue) : (0, 0));
    }

    private void Reset(string choice)
    {
        _image.Choice = choice;
        for (int i = 0; i < _durable.Length; i++)
            _image.Devices[i].CopyFrom(_durable[i]);
    }

    private void Place(Func<int, (int First, int End)> part)
    {
        for (int i = 0; i < _volatile.Count; i++)
        {
            (int first, int end) = part(i);
            DeviceOperation operation = _volatile[i];
            if (operation.Kind == DeviceOperationKind.Length ? end > 0 && first == 0 : first < end)
                _image.Devices[operation.Device].Apply(operation, first, end);
        }

        _visit(_image);
    }
}
