using System.Runtime.InteropServices;

namespace Byre.Simulation.Crash;

/// <summary>
/// What the devices hold after the power went. Reused for the next image: whoever keeps the bytes copies them.
/// </summary>
public sealed class CrashImage
{
    private readonly DeviceState[] _devices;

    internal CrashImage(DeviceState[] devices) => _devices = devices;

    /// <summary>The moment of the crash.</summary>
    public int Moment { get; internal set; }

    /// <summary>Which part of what was not durable arrived.</summary>
    public string Choice { get; internal set; } = "";

    internal DeviceState[] Devices => _devices;

    /// <summary>The content of a device.</summary>
    public ReadOnlySpan<byte> this[int device] => _devices[device].Content;

    /// <summary>A hash of all contents and lengths; zeroes at the end count by the length.</summary>
    public ulong ComputeHash()
    {
        ulong hash = 0x9E3779B97F4A7C15;
        foreach (DeviceState device in _devices)
        {
            ReadOnlySpan<byte> content = device.Content;
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(content);
            ulong a = hash, b = ~hash;
            int i = 0;
            for (; i + 1 < words.Length; i += 2)
            {
                a = (a ^ words[i]) * 0x9FB21C651E98DF25;
                b = (b ^ words[i + 1]) * 0xC2B2AE3D27D4EB4F;
                a ^= a >> 29;
                b ^= b >> 31;
            }

            for (; i < words.Length; i++)
                a = (a ^ words[i]) * 0xD6E8FEB86659FD93;
            foreach (byte rest in content[(words.Length * 8)..])
                b = (b ^ rest) * 0xFF51AFD7ED558CCD;
            hash = (a ^ (b << 17) ^ (b >> 47) ^ (ulong)content.Length) * 0x94D049BB133111EB;
            hash ^= hash >> 32;
        }

        return hash;
    }
}
