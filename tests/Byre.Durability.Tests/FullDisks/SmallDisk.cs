using System.Globalization;
using Byre.Durability.Tests.Support;

namespace Byre.Durability.Tests.FullDisks;

/// <summary>A real file system of a few MiB, mounted for one test; most of it is taken by a file.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const int DiskBytes = 8 << 20;

    private readonly WorkFolder _folder = new(inMemory: true);

    private SmallDisk() => Directory.CreateDirectory(MountPoint);

    public string this[string name] => Path.Combine(MountPoint, name);

    private string MountPoint => _folder["disk"];

    private string Filler => this["filler"];

    /// <summary>Mounts one; "tmpfs" or "ext4". Null where that is not allowed here.</summary>
    public static SmallDisk? TryMount(string type)
    {
        var disk = new SmallDisk();
        if (disk.Mount(type))
            return disk;
        disk._folder.Dispose();
        return null;
    }

    /// <summary>Takes space until about <paramref name="freeBytes"/> are left.</summary>
    public void Fill(int freeBytes)
    {
        long free = new DriveInfo(MountPoint).AvailableFreeSpace;
        byte[] bytes = new byte[64 << 10];
        using FileStream stream = File.OpenWrite(Filler);
        stream.Seek(0, SeekOrigin.End);
        try
        {
            for (long left = free - freeBytes; left > 0; left -= bytes.Length)
                stream.Write(bytes, 0, (int)Math.Min(left, bytes.Length));
            stream.Flush(flushToDisk: true);
        }
        catch (IOException) when (freeBytes == 0)
        {
            // The file system's own tables took the last of it.
        }
    }

    /// <summary>Gives the space back that <see cref="Fill"/> took.</summary>
    public void MakeSpace() => File.Delete(Filler);

    public void Dispose()
    {
        Programs.Run("umount", MountPoint);
        _folder.Dispose();
    }

    private bool Mount(string type)
    {
        if (Environment.UserName != "root")
            return false;
        string size = DiskBytes.ToString(CultureInfo.InvariantCulture);
        if (type == "tmpfs")
            return Programs.Run("mount", "-t", "tmpfs", "-o", $"size={size}", "none", MountPoint).ExitCode == 0;
        string image = _folder["ext4.img"];
        using (FileStream file = File.Create(image))
            file.SetLength(DiskBytes);
        string? maker = Programs.FindInPath("mkfs.ext4") ?? (File.Exists("/sbin/mkfs.ext4") ? "/sbin/mkfs.ext4" : null);
        return maker is not null &&
            Programs.Run(maker, "-q", "-F", "-m", "0", "-O", "^has_journal", image).ExitCode == 0 &&
            Programs.Run("mount", "-o", "loop", image, MountPoint).ExitCode == 0;
    }
}
