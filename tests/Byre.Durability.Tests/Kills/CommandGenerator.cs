using System.Globalization;

namespace Byre.Durability.Tests.Kills;

/// <summary>Makes the commands of one writer from a seed.</summary>
internal sealed class CommandGenerator(Random random, KillScenario scenario, int diskBytes, bool inParallel)
{
    private const int SectorBytes = 512;

    private byte _value = (byte)random.Next(1, 256);

    /// <summary>Makes about <paramref name="count"/> commands.</summary>
    public List<WriterCommand> Make(int count)
    {
        var commands = new List<WriterCommand>();
        while (commands.Count < count)
        {
            switch (random.Next(16))
            {
                case < 6:
                    commands.Add(Write(PickRange(), isAsync: false));
                    break;
                case 6 or 7:
                    commands.Add(Zero(PickRange(), random.Next(2) == 0));
                    break;
                case 8 or 9:
                    commands.Add(Discard(PickClusters(3)));
                    break;
                case 10 or 11 when scenario.AllowsCompression:
                    // One cluster only: a refusal then means that nothing was done.
                    (int offset, int length) = PickClusters(1);
                    commands.Add(new WriterCommand(
                        WriterCommandKind.WriteCompressed,
                        $"write -c -P {NextValue()} {offset} {length}", offset, length, _value));
                    break;
                case 12 or 13 when inParallel:
                    AddBatch(commands);
                    break;
                default:
                    commands.Add(new WriterCommand(WriterCommandKind.Flush, "flush"));
                    break;
            }
        }

        return commands;
    }

    /// <summary>Requests in flight together that touch different sectors, often of the same cluster.</summary>
    private void AddBatch(List<WriterCommand> commands)
    {
        int offset = random.Next(diskBytes / SectorBytes) * SectorBytes;
        int count = random.Next(2, 9);
        for (int i = 0; i < count && offset < diskBytes; i++)
        {
            int length = Math.Min(random.Next(1, 9) * SectorBytes * random.Next(1, 3), diskBytes - offset);
            commands.Add(random.Next(4) == 0
                ? new WriterCommand(
                    WriterCommandKind.Zero, $"aio_write -z -u {offset} {length}", offset, length, IsAsync: true)
                : Write((offset, length), isAsync: true));
            offset += length + (random.Next(3) * SectorBytes);
        }

        commands.Add(new WriterCommand(WriterCommandKind.Drain, "aio_flush"));
    }

    private WriterCommand Write((int Offset, int Length) range, bool isAsync) => new(
        WriterCommandKind.Write,
        string.Create(
            CultureInfo.InvariantCulture,
            $"{(isAsync ? "aio_write" : "write")} -P {NextValue()} {range.Offset} {range.Length}"),
        range.Offset,
        range.Length,
        _value,
        isAsync);

    private static WriterCommand Zero((int Offset, int Length) range, bool mayUnmap) => new(
        WriterCommandKind.Zero,
        $"write -z {(mayUnmap ? "-u " : "")}{range.Offset} {range.Length}",
        range.Offset,
        range.Length);

    private static WriterCommand Discard((int Offset, int Length) range) =>
        new(WriterCommandKind.Zero, $"discard {range.Offset} {range.Length}", range.Offset, range.Length);

    private byte NextValue() => _value = (byte)(_value == 255 ? 1 : _value + 1);

    /// <summary>Anything from one byte to four clusters.</summary>
    private (int Offset, int Length) PickRange()
    {
        int most = Math.Min(4 * scenario.ClusterBytes, diskBytes);
        int length = random.Next(3) switch
        {
            0 => SectorBytes * random.Next(1, Math.Max(2, scenario.ClusterBytes / SectorBytes)),
            1 => random.Next(1, most),
            _ => Math.Max(scenario.ClusterBytes, most / random.Next(1, 4) / SectorBytes * SectorBytes),
        };
        int offset = random.Next(diskBytes - length + 1);
        if (random.Next(4) != 0)
            offset = offset / SectorBytes * SectorBytes;
        if (random.Next(3) == 0)
            offset = offset / scenario.ClusterBytes * scenario.ClusterBytes;
        return (offset, length);
    }

    private (int Offset, int Length) PickClusters(int most)
    {
        int clusters = (diskBytes + scenario.ClusterBytes - 1) / scenario.ClusterBytes;
        int first = random.Next(clusters);
        int end = Math.Min((first + random.Next(1, most + 1)) * scenario.ClusterBytes, diskBytes);
        return (first * scenario.ClusterBytes, end - (first * scenario.ClusterBytes));
    }
}
