using System.Text.Json;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Layout;

namespace Byre.Qcow2.Tests.Driver;

/// <summary>Creating and opening whole images, together with the peer's tools.</summary>
public sealed class Qcow2DriverTests : IDisposable
{
    private readonly Peer _peer = new();
    private readonly Images _images = new();

    public void Dispose() => _peer.Dispose();

    [PeerTheory]
    [InlineData("")]
    [InlineData("compat=0.10,cluster_size=4k")]
    [InlineData("cluster_size=512,refcount_bits=64,preallocation=metadata")]
    [InlineData("preallocation=metadata")]
    [InlineData("preallocation=falloc")]
    [InlineData("preallocation=full,cluster_size=2M")]
    [InlineData("extended_l2=on,preallocation=metadata")]
    [InlineData("data_file=data.raw")]
    [InlineData("data_file=data.raw,data_file_raw=on")]
    [InlineData("data_file=data.raw,preallocation=full")]
    public async Task CreatedImageIsSoundAsync(string options)
    {
        await _images.CreateAsync(_peer.Path("test.qcow2"), options.Replace(
            "data.raw", _peer.Path("data.raw"), StringComparison.Ordinal), "5M");
        _peer.Image("check", "test.qcow2");
        _peer.Io("-c", "read -P 0 0 5M", "test.qcow2");
        _peer.Io("-c", "write -P 1 1M 1M", "-c", "read -P 1 1M 1M", "test.qcow2");
        if (options.Contains("data_file", StringComparison.Ordinal))
            Assert.Equal(5 << 20, new FileInfo(_peer.Path("data.raw")).Length);
    }

    [PeerTheory]
    [InlineData("preallocation=metadata", "5M")]
    [InlineData("preallocation=metadata,cluster_size=512", "5M")]
    [InlineData("preallocation=metadata,extended_l2=on", "5M")]
    [InlineData("preallocation=metadata,refcount_bits=1", "3G")]
    [InlineData("preallocation=metadata,cluster_size=4k,refcount_bits=64", "20M")]
    [InlineData("preallocation=metadata", "10G")]
    public async Task PreallocatedImageIsThePeersAsync(string options, string size)
    {
        _peer.Image("create", "-q", "-f", "qcow2", "-o", options, "peer.qcow2", size);
        await _images.CreateAsync(_peer.Path("test.qcow2"), options, size);
        string ours = _peer.Image("map", "--output=json", "test.qcow2");
        string theirs = _peer.Image("map", "--output=json", "peer.qcow2");
        Assert.Equal(theirs, ours);
        Assert.Equal(new FileInfo(_peer.Path("peer.qcow2")).Length, new FileInfo(_peer.Path("test.qcow2")).Length);
    }

    [PeerFact]
    public async Task BackingFileIsOpenedRelativeToTheImageAsync()
    {
        _peer.Image("create", "-q", "-f", "qcow2", "base.qcow2", "1M");
        _peer.Io("-c", "write -P 7 64k 64k", "base.qcow2");
        await _images.CreateAsync(_peer.Path("test.qcow2"), "backing_file=base.qcow2,backing_fmt=qcow2", "1M");

        await using BlockNode node = await _images.OpenAsync(_peer.Path("test.qcow2"));
        Assert.Equal(_peer.Path("base.qcow2"), node.Backing!.FileName);
        byte[] bytes = new byte[65536];
        await node.ReadAsync(65536, bytes);
        Assert.All(bytes, value => Assert.Equal(7, value));
    }

    [PeerFact]
    public async Task DataFileTextsAreThePeersAsync()
    {
        string image = _peer.Path("test.qcow2");
        _peer.Image("create", "-q", "-f", "qcow2", image, "1M");
        _peer.Image("create", "-q", "-f", "raw", "data.raw", "1M");
        await FailsAsync(
            $"data-file.driver=file,data-file.filename={_peer.Path("data.raw")}",
            "'data-file' can only be set for images with an external data file");

        PokeAutoclear(2);
        await FailsAsync("", "data-file-raw requires a data file");
        PokeAutoclear(0);
        PokeIncompatible(4);
        await FailsAsync("", "'data-file' is required for this image");
        await using BlockNode node = await _images.OpenAsync(
            image, "data-file.driver=file,data-file.filename=nowhere", OpenFlags.NoDataIo);
        Assert.Single(node.Children, child => child.Name == "file");

        async Task FailsAsync(string options, string message) => Assert.Equal(
            message,
            (await Assert.ThrowsAsync<BlockException>(() => _images.OpenAsync(image, options).AsTask())).Message);

        void PokeIncompatible(byte value) => Poke(79, value);
        void PokeAutoclear(byte value) => Poke(95, value);
        void Poke(long offset, byte value)
        {
            using FileStream file = File.OpenWrite(image);
            file.Position = offset;
            file.WriteByte(value);
        }
    }

    [PeerFact]
    public async Task CorruptImageIsOpenedReadOnlyAloneAsync()
    {
        string image = _peer.Path("test.qcow2");
        _peer.Image("create", "-q", "-f", "qcow2", image, "1M");
        Poke(image, 79, [2]);
        BlockException failure = await Assert.ThrowsAsync<BlockException>(() => _images.OpenAsync(image).AsTask());
        Assert.Equal("qcow2: Image is corrupt; cannot be opened read/write", failure.Message);
        await using BlockNode node = await _images.OpenAsync(image, flags: OpenFlags.None);
        Assert.True((await node.GetImageInfoAsync()).IsCorrupt);
    }

    [PeerFact]
    public async Task DirtyImageIsRepairedWhenItIsWrittenAsync()
    {
        string image = _peer.Path("test.qcow2");
        _peer.Image("create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on", image, "1M");
        _peer.Io("-c", "write -P 5 0 128k", image);
        Poke(image, 79, [1]);
        Poke(image, 0x20000 + 10, [0, 0, 0, 0]);
        await using (await _images.OpenAsync(image, flags: OpenFlags.None))
            Assert.Equal(1, _peer.Read("test.qcow2")[79]);
        await using (await _images.OpenAsync(image))
            Assert.Equal(0, _peer.Read("test.qcow2")[79]);
        _peer.Image("check", image);
        _peer.Io("-c", "read -P 5 0 128k", image);
    }

    [PeerFact]
    public async Task UnknownAutoclearBitsAreClearedByWritersAloneAsync()
    {
        string image = _peer.Path("test.qcow2");
        _peer.Image("create", "-q", "-f", "qcow2", image, "1M");
        Poke(image, 88, [0x80]);
        await using (await _images.OpenAsync(image, flags: OpenFlags.None))
            Assert.Equal(0x80, _peer.Read("test.qcow2")[88]);
        await using (await _images.OpenAsync(image))
            Assert.Equal(0, _peer.Read("test.qcow2")[88]);
    }

    [PeerFact]
    public async Task HeaderOfAnotherOrderIsRewrittenWholeAsync()
    {
        string image = _peer.Path("test.qcow2");
        _peer.Image("create", "-q", "-f", "qcow2", "base.qcow2", "1M");
        _peer.Image("create", "-q", "-f", "qcow2", image, "1M");

        // Another program's header: no feature names, the backing file's name far behind an unknown autoclear feature.
        byte[] header = _peer.Read("test.qcow2")[..65536];
        header.AsSpan(112).Clear();
        header[88] = 0x80;
        (header[14], header[15], header[19]) = (0x20, 0, 10);
        "base.qcow2"u8.CopyTo(header.AsSpan(0x2000));
        Poke(image, 0, header);
        await using (BlockNode node = await _images.OpenAsync(image))
            Assert.Equal("base.qcow2", (await node.GetImageInfoAsync()).BackingFileName);
        ImageHeader written = HeaderCodec.Parse(_peer.Read("test.qcow2"));
        Assert.True(written.IsCanonical);
        Assert.Equal("base.qcow2", written.BackingFileName);
        _peer.Image("check", image);
    }

    [PeerTheory]
    [InlineData("compat=1.1")]
    [InlineData("compat=0.10")]
    [InlineData("lazy_refcounts=on,refcount_bits=64,compression_type=zstd")]
    [InlineData("extended_l2=on,data_file=data.raw,data_file_raw=on")]
    public async Task InfoIsThePeersAsync(string options)
    {
        string image = _peer.Path("test.qcow2");
        _peer.Image("create", "-q", "-f", "qcow2", "-o", options, image, "1M");
        if (!options.Contains("0.10", StringComparison.Ordinal))
        {
            _peer.Image("bitmap", "--add", image, "b0");
            _peer.Image("bitmap", "--add", "--disable", "-g", "512", image, "b1");
        }

        using JsonDocument theirs = JsonDocument.Parse(_peer.Image("info", "--output=json", image));
        JsonElement specific = theirs.RootElement.GetProperty("format-specific").GetProperty("data");
        await using BlockNode node = await _images.OpenAsync(image, flags: OpenFlags.NoDataIo);
        ImageInfo info = await node.GetImageInfoAsync();
        AssertSame(specific, info.FormatSpecific!);
        Assert.Equal(theirs.RootElement.GetProperty("cluster-size").GetInt32(), info.ClusterSizeBytes);
    }

    [Fact]
    public void ProbeKnowsTheMagic()
    {
        var driver = new Qcow2Driver();
        byte[] header = new byte[512];
        Assert.Equal(0, driver.Probe(header, "x"));
        (header[0], header[1], header[2], header[3]) = ((byte)'Q', (byte)'F', (byte)'I', 0xfb);
        header[7] = 1;
        Assert.Equal(0, driver.Probe(header, "x"));
        header[7] = 3;
        Assert.Equal(100, driver.Probe(header, "x"));
        Assert.Equal(0, driver.Probe(header.AsSpan(0, 50), "x"));
    }

    private static void AssertSame(JsonElement expected, object actual)
    {
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                var entries = Assert.IsType<InfoObject>(actual).Entries.ToDictionary(
                    entry => entry.Key, entry => entry.Value);
                Assert.Equal(
                    expected.EnumerateObject().Select(property => property.Name).Order(), entries.Keys.Order());
                foreach (JsonProperty property in expected.EnumerateObject())
                    AssertSame(property.Value, entries[property.Name]);
                break;
            case JsonValueKind.Array:
                var list = Assert.IsAssignableFrom<IReadOnlyList<object>>(actual);
                Assert.Equal(expected.GetArrayLength(), list.Count);
                for (int i = 0; i < list.Count; i++)
                    AssertSame(expected[i], list[i]);
                break;
            case JsonValueKind.String:
                Assert.Equal(expected.GetString(), actual);
                break;
            case JsonValueKind.Number:
                Assert.Equal(expected.GetInt64(), actual);
                break;
            default:
                Assert.Equal(expected.GetBoolean(), actual);
                break;
        }
    }

    private static void Poke(string fileName, long offset, byte[] bytes)
    {
        using FileStream file = File.OpenWrite(fileName);
        file.Position = offset;
        file.Write(bytes);
    }
}
