using System.Buffers.Binary;
using Byre.Qcow2.Check;

namespace Byre.Qcow2.Tests.Check;

/// <summary>A qcow2 file in a directory of its own, made by the peer's tools and damaged byte by byte.</summary>
internal sealed class TestImage : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("byre-check-").FullName;

    public TestImage(string size = "64M", string options = "")
    {
        Path = System.IO.Path.Combine(_directory, "t.qcow2");
        string[] extra = options.Length > 0 ? ["-o", options.Replace("DIR", _directory, StringComparison.Ordinal)] : [];
        CheckProgram.Must("qemu-img", ["create", "-q", "-f", "qcow2", .. extra, Path, size]);
    }

    public string Path { get; private init; }

    public long LengthBytes => new FileInfo(Path).Length;

    public int ClusterSize => 1 << (int)Read32(20);

    public long L1 => (long)Read64(40);

    public long RefcountTable => (long)Read64(48);

    public long FirstRefcountBlock => (long)Read64(RefcountTable);

    /// <summary>The offset of the L2 table that an L1 entry names.</summary>
    public long L2(int l1Index = 0) => (long)(Read64(L1 + (8L * l1Index)) & 0x00ff_ffff_ffff_fe00);

    public TestImage Io(params string[] commands)
    {
        var arguments = new List<string> { "-f", "qcow2" };
        foreach (string command in commands)
            arguments.AddRange(["-c", command]);
        CheckProgram.Must("qemu-io", [.. arguments, Path]);
        return this;
    }

    public TestImage Snapshot(string name)
    {
        CheckProgram.Must("qemu-img", "snapshot", "-c", name, Path);
        return this;
    }

    public byte[] ReadBytes(long offset, int count)
    {
        using FileStream stream = File.OpenRead(Path);
        stream.Position = offset;
        byte[] bytes = new byte[count];
        stream.ReadAtLeast(bytes, count, throwOnEndOfStream: false);
        return bytes;
    }

    public ulong Read64(long offset) => BinaryPrimitives.ReadUInt64BigEndian(ReadBytes(offset, 8));

    public uint Read32(long offset) => BinaryPrimitives.ReadUInt32BigEndian(ReadBytes(offset, 4));

    public TestImage Poke(long offset, params byte[] bytes)
    {
        using FileStream stream = File.OpenWrite(Path);
        stream.Position = offset;
        stream.Write(bytes);
        return this;
    }

    public TestImage Poke16(long offset, ushort value) => Poke(offset, (byte)(value >> 8), (byte)value);

    public TestImage Poke32(long offset, uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Poke(offset, bytes);
    }

    public TestImage Poke64(long offset, ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return Poke(offset, bytes);
    }

    public TestImage Truncate(long lengthBytes)
    {
        using FileStream stream = File.OpenWrite(Path);
        stream.SetLength(lengthBytes);
        return this;
    }

    /// <summary>Makes a second file with the same content.</summary>
    public string Copy(string name)
    {
        string copy = System.IO.Path.Combine(_directory, name);
        File.Copy(Path, copy, overwrite: true);
        return copy;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
