namespace Byre.Qcow2.Layout;

/// <summary>A byte offset in the image file, or in the external data file for guest data where there is one.</summary>
public readonly record struct HostOffset(long Value) : IComparable<HostOffset>
{
    public static HostOffset operator +(HostOffset offset, long bytes) => new(offset.Value + bytes);

    public static long operator -(HostOffset left, HostOffset right) => left.Value - right.Value;

    public static bool operator <(HostOffset left, HostOffset right) => left.Value < right.Value;

    public static bool operator >(HostOffset left, HostOffset right) => left.Value > right.Value;

    public static bool operator <=(HostOffset left, HostOffset right) => left.Value <= right.Value;

    public static bool operator >=(HostOffset left, HostOffset right) => left.Value >= right.Value;

    public int CompareTo(HostOffset other) => Value.CompareTo(other.Value);

    public override string ToString() => $"host 0x{Value:x}";
}
