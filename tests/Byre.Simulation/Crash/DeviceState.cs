using Byre.Simulation.Devices;

namespace Byre.Simulation.Crash;

/// <summary>What a device holds after some of its operations, sector by sector. Not thread-safe.</summary>
internal sealed class DeviceState
{
    private int[] _versions;
    private byte[] _bytes;
    private int _lengthVersion;

    public DeviceState(ReadOnlySpan<byte> content)
    {
        LengthBytes = content.Length;
        _bytes = new byte[Sectors(content.Length) * SimulatedDevice.SectorBytes];
        _versions = new int[Sectors(content.Length)];
        content.CopyTo(_bytes);
    }

    public int LengthBytes { get; private set; }

    public ReadOnlySpan<byte> Content => _bytes.AsSpan(0, LengthBytes);

    public void CopyFrom(DeviceState other)
    {
        Grow(other._versions.Length);
        Array.Copy(other._bytes, _bytes, other._bytes.Length);
        Array.Copy(other._versions, _versions, other._versions.Length);
        Array.Clear(_bytes, other._bytes.Length, _bytes.Length - other._bytes.Length);
        Array.Clear(_versions, other._versions.Length, _versions.Length - other._versions.Length);
        LengthBytes = other.LengthBytes;
        _lengthVersion = other._lengthVersion;
    }

    /// <summary>Applies those sectors of an operation that are newer than what is there.</summary>
    /// <param name="operation">A write or a new length.</param>
    /// <param name="first">First sector of the write that arrives.</param>
    /// <param name="end">First one that does not.</param>
    public void Apply(DeviceOperation operation, int first = 0, int end = int.MaxValue)
    {
        if (operation.Kind == DeviceOperationKind.Length)
        {
            SetLength(operation);
            return;
        }

        end = Math.Min(end, operation.SectorCount);
        if (first >= end)
            return;
        Grow(operation.FirstSector + end);
        for (int i = first; i < end; i++)
            ApplySector(operation, i);
        long reached = Math.Min(operation.EndBytes, (operation.FirstSector + end) * (long)SimulatedDevice.SectorBytes);
        LengthBytes = (int)Math.Max(LengthBytes, reached);
    }

    private void ApplySector(DeviceOperation operation, int index)
    {
        int sector = operation.FirstSector + index;
        if (_versions[sector] >= operation.IssuedAt)
            return;
        _versions[sector] = operation.IssuedAt;
        operation.Sectors.AsSpan(index * SimulatedDevice.SectorBytes, SimulatedDevice.SectorBytes)
            .CopyTo(_bytes.AsSpan(sector * SimulatedDevice.SectorBytes));
    }

    private void SetLength(DeviceOperation operation)
    {
        if (_lengthVersion >= operation.IssuedAt)
            return;
        _lengthVersion = operation.IssuedAt;
        int length = (int)operation.EndBytes;
        Grow(Sectors(length));
        if (length < LengthBytes)
            length = CutOff(length, operation.IssuedAt);
        LengthBytes = length;
    }

    /// <summary>Clears what is behind the new end, but for sectors that were written after it was cut.</summary>
    private int CutOff(int length, int issuedAt)
    {
        int end = length;
        for (int sector = length / SimulatedDevice.SectorBytes; sector < _versions.Length; sector++)
        {
            int start = sector * SimulatedDevice.SectorBytes;
            if (_versions[sector] > issuedAt)
                end = Math.Min(LengthBytes, start + SimulatedDevice.SectorBytes);
            else
                _bytes.AsSpan(Math.Max(start, length), Math.Min(SimulatedDevice.SectorBytes, start +
                    SimulatedDevice.SectorBytes - length)).Clear();
        }

        return end;
    }

    private static int Sectors(int lengthBytes) =>
        (lengthBytes + SimulatedDevice.SectorBytes - 1) / SimulatedDevice.SectorBytes;

    private void Grow(int sectors)
    {
        if (sectors <= _versions.Length)
            return;
        Array.Resize(ref _versions, sectors);
        Array.Resize(ref _bytes, sectors * SimulatedDevice.SectorBytes);
    }
}
