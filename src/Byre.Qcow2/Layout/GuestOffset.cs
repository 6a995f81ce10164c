namespace Byre.Qcow2.Layout;

/// <summary>A byte offset in the virtual disk that the guest sees.</summary>
public readonly record struct GuestOffset(long Value) : IComparable<GuestOffset>
{
    public static GuestOffset operator +(GuestOffset offset, long bytes) => new(offset.Value + bytes);

    public static long operator -(GuestOffset left, GuestOffset right) => left.Value - right.Value;

    public static bool operator <(GuestOffset left, GuestOffset right) => left.Value < right.Value;

    public static bool operator >(GuestOffset left, GuestOffset right) => left.Value > right.Value;

    public static bool operator <=(GuestOffset left, GuestOffset right) => left.Value <= right.Value;

    public static bool operator >=(GuestOffset left, GuestOffset right) => left.Value >= right.Value;

    public int CompareTo(GuestOffset other) => Value.CompareTo(other.Value);

    public override string ToString() => $"guest 0x{Value:x}";
}
