using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Create;

namespace Byre.Qcow2.Tests.Driver;

/// <summary>Runtime options: the peer's names, defaults, limits and texts.</summary>
public sealed class Qcow2OpenOptionsTests
{
    [Theory]
    [InlineData("lazy-refcounts=42", "Parameter 'lazy-refcounts' expects 'on' or 'off'")]
    [InlineData(
        "cache-size=1M,l2-cache-size=64k,refcount-cache-size=64k",
        "cache-size, l2-cache-size and refcount-cache-size may not be set at the same time")]
    [InlineData(
        "cache-size=0,l2-cache-size=0,refcount-cache-size=0",
        "cache-size, l2-cache-size and refcount-cache-size may not be set at the same time")]
    [InlineData("cache-size=1M,l2-cache-size=2M", "l2-cache-size may not exceed cache-size")]
    [InlineData("cache-size=1M,refcount-cache-size=2M", "refcount-cache-size may not exceed cache-size")]
    [InlineData(
        "l2-cache-entry-size=33k", "L2 cache entry size must be a power of two between 512 and the cluster size " +
            "(65536)")]
    [InlineData(
        "l2-cache-entry-size=128k", "L2 cache entry size must be a power of two between 512 and the cluster size " +
            "(65536)")]
    [InlineData(
        "l2-cache-entry-size=256", "L2 cache entry size must be a power of two between 512 and the cluster size " +
            "(65536)")]
    [InlineData("refcount-cache-size=256T", "Refcount cache size too big")]
    [InlineData(
        "compressed-cache-size=65535", "Compressed cache size must be 0 or at least the cluster size (65536)")]
    [InlineData("compressed-cache-size=1000T", "Compressed cache size too big")]
    [InlineData("cache-size=8000P", "Refcount cache size too big")]
    [InlineData("cache-size=8E", "Refcount cache size too big")]
    [InlineData("l2-cache-size=16E", "Value '16E' is out of range for parameter 'l2-cache-size'")]
    [InlineData("cache-budget=24575", "cache-budget must be at least 24576 bytes")]
    [InlineData("cache-budget=0", "cache-budget must be at least 24576 bytes")]
    [InlineData("cache-budget=1025G", "cache-budget too big")]
    [InlineData("cache-budget=16E", "Value '16E' is out of range for parameter 'cache-budget'")]
    [InlineData("cache-budget=-1", "Value '-1' is out of range for parameter 'cache-budget'")]
    [InlineData("cache-budget=x", "Parameter 'cache-budget' expects a non-negative number below 2^64")]
    [InlineData(
        "cache-budget=1M,cache-size=1M",
        "cache-budget may not be set together with cache-size, l2-cache-size or refcount-cache-size")]
    [InlineData(
        "cache-budget=1M,l2-cache-size=1M",
        "cache-budget may not be set together with cache-size, l2-cache-size or refcount-cache-size")]
    [InlineData(
        "cache-budget=1M,refcount-cache-size=1M",
        "cache-budget may not be set together with cache-size, l2-cache-size or refcount-cache-size")]
    [InlineData(
        "overlap-check=constant,overlap-check.template=all",
        "Conflicting values for qcow2 options 'overlap-check' ('constant') and 'overlap-check.template' ('all')")]
    [InlineData(
        "overlap-check=blubb",
        "Unsupported value 'blubb' for qcow2 option 'overlap-check'. Allowed are any of the following: none, " +
        "constant, cached, all")]
    [InlineData(
        "overlap-check.template=blubb",
        "Unsupported value 'blubb' for qcow2 option 'overlap-check'. Allowed are any of the following: none, " +
        "constant, cached, all")]
    [InlineData("overlap-check=none,lazy-refcounts=42", "Parameter 'lazy-refcounts' expects 'on' or 'off'")]
    [InlineData("cache-clean-interval=-1", "Cache clean interval too big")]
    [InlineData("cache-clean-interval=4294967296", "Cache clean interval too big")]
    [InlineData("cache-clean-interval=x", "Parameter 'cache-clean-interval' expects a number")]
    [InlineData("encrypt.format=luks", "No encryption in image header, but options specified format 'luks'")]
    public void WrongOptionsAreRefused(string options, string message) =>
        Assert.Equal(message, Assert.Throws<BlockException>(() => Parse(options)).Message);

    [Fact]
    public void OptionsThatTheImageCannotHaveAreRefused()
    {
        ImageHeader old = Header(64 << 20) with { Version = 2 };
        Assert.Equal(
            "Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level",
            Assert.Throws<BlockException>(() => Parse("lazy-refcounts=on", old)).Message);
        Assert.Equal(
            "discard-no-unref is only supported since qcow2 version 3",
            Assert.Throws<BlockException>(() => Parse("discard-no-unref=on", old)).Message);
        ImageHeader huge = Header(32L << 50) with { ClusterBits = 18 };
        Assert.Equal(
            "L2 cache size too big",
            Assert.Throws<BlockException>(() => Parse("l2-cache-entry-size=512,l2-cache-size=1T", huge)).Message);
        ImageHeader luks = Header(64 << 20) with { CryptMethod = CryptMethod.Luks };
        Assert.Equal(
            "Header reported 'luks' encryption format but options specify 'aes'",
            Assert.Throws<BlockException>(() => Parse("encrypt.format=aes", luks)).Message);
    }

    [Fact]
    public void DefaultsAreThePeers()
    {
        Qcow2OpenOptions options = Parse("");
        Assert.False(options.LazyRefcounts);
        Assert.False(options.PassDiscardRequest);
        Assert.True(options.PassDiscardSnapshot);
        Assert.False(options.PassDiscardOther);
        Assert.False(options.DiscardNoUnref);
        Assert.Equal(600u, options.CacheCleanSeconds);
        Assert.Equal(OverlapChecks.Cached, options.OverlapChecks);
        Assert.True(Qcow2OpenOptions.Parse(new OptionSet(), Header(1 << 20), OpenFlags.Unmap).PassDiscardRequest);
        Assert.True(Parse("", Header(1) with { CompatibleFeatures = CompatibleFeatures.LazyRefcounts }).LazyRefcounts);
    }

    [Theory]
    [InlineData("overlap-check=none", OverlapChecks.None)]
    [InlineData("overlap-check=constant", OverlapChecks.Constant)]
    [InlineData("overlap-check.template=all", OverlapChecks.All)]
    [InlineData("overlap-check=all,overlap-check.template=all", OverlapChecks.All)]
    [InlineData("overlap-check.inactive-l2=on", OverlapChecks.All)]
    [InlineData("overlap-check=none,overlap-check.active-l1=on", OverlapChecks.ActiveL1)]
    [InlineData("overlap-check=all,overlap-check.inactive-l2=off", OverlapChecks.Cached)]
    internal void OverlapFlagsChangeTheTemplate(string options, OverlapChecks checks) =>
        Assert.Equal(checks, Parse(options).OverlapChecks);

    /// <summary>Slices of 4 KiB; the disk of 64 GiB has 8 MiB of L2 tables.</summary>
    [Theory]
    [InlineData("", 2048, 8192, 64)]
    [InlineData("l2-cache-size=1M", 256, 256, 64)]
    [InlineData("l2-cache-size=1G", 2048, 8192, 64)]
    [InlineData("l2-cache-size=0", 2, 2, 64)]
    [InlineData("refcount-cache-size=1M", 2048, 8192, 256)]
    [InlineData("cache-size=1M", 192, 192, 64)]
    [InlineData("cache-size=16M", 2048, 2048, 2048)]
    [InlineData("cache-size=2M,l2-cache-size=1M", 256, 256, 256)]
    [InlineData("cache-size=2M,refcount-cache-size=1M", 256, 256, 256)]
    [InlineData("cache-size=0", 2, 2, 64)]
    public void CachesAreSizedLikeThePeers(string options, int l2Slices, int l2SlicesAtMost, int refcountSlices) =>
        Assert.Equal(
            new CacheSizes(4096, l2Slices, l2SlicesAtMost, 4096, refcountSlices, 64, 0),
            Parse(options, Header(64L << 30)).Caches);

    /// <summary>In bytes; 0 disables, and parts of a cluster do not count.</summary>
    [Theory]
    [InlineData("", 64)]
    [InlineData("compressed-cache-size=0", 0)]
    [InlineData("compressed-cache-size=64k", 1)]
    [InlineData("compressed-cache-size=1M", 16)]
    [InlineData("compressed-cache-size=131071", 1)]
    public void CompressedCacheIsSizedInClusters(string options, int clusters) =>
        Assert.Equal(clusters, Parse(options).ToMetadataOptions().CompressedCacheClusters);

    [Theory]
    [InlineData("", 0)]
    [InlineData("data-cache-size=0", 0)]
    [InlineData("data-cache-size=64k", 1)]
    [InlineData("data-cache-size=1M", 16)]
    public void DataCacheIsOffUntilAsked(string options, int clusters) =>
        Assert.Equal(clusters, Parse(options).ToMetadataOptions().DataCacheClusters);

    [Theory]
    [InlineData("compressed-cache-size=1k", "Compressed cache size must be 0 or at least the cluster size (65536)")]
    [InlineData("data-cache-size=65535", "Data cache size must be 0 or at least the cluster size (65536)")]
    [InlineData("data-cache-size=1E", "Data cache size too big")]
    public void CachesOfLessThanAClusterAreRefused(string options, string message) =>
        Assert.Equal(message, Assert.Throws<BlockException>(() => Parse(options)).Message);

    /// <summary>A member of a budget may use all of it, or what its disk needs.</summary>
    [Theory]
    [InlineData("cache-budget=24576", 7, 7)]
    [InlineData("cache-budget=1M", 257, 257)]
    [InlineData("cache-budget=1G", 2049, 641)]
    [InlineData("cache-budget=24576,l2-cache-entry-size=512", 49, 7)]
    public void ABudgetLimitsWhatANodeCanUse(string options, int l2Slices, int refcountSlices)
    {
        CacheSizes caches = Parse(options, Header(64L << 30)).Caches;
        Assert.Equal((l2Slices, refcountSlices), (caches.L2Slices, caches.RefcountSlices));
    }

    [Fact]
    public void LargeDisksAreCapped() => Assert.Equal(8192, Parse("", Header(1L << 50)).Caches.L2Slices);

    [Fact]
    public void SlicesAreNoLargerThanClusters() => Assert.Equal(
        new CacheSizes(512, 2, 65536, 512, 4, 64, 0), Parse("", Header(1 << 10) with { ClusterBits = 9 }).Caches);

    [Fact]
    public void ForeignOptionsAreLeft()
    {
        OptionSet options = ImageCreatorTests.ToOptions("foo=1,encrypt.key-secret=s,lazy-refcounts=on");
        Assert.Equal("s", Qcow2OpenOptions.Parse(options, Header(1 << 20), OpenFlags.None).EncryptKeySecret);
        Assert.Equal(["foo"], options.Keys);
    }

    [Theory]
    [InlineData("overlap-check.template=all", "overlap-check=none,overlap-check.active-l1=on,a=1",
        "overlap-check.template=all,a=1")]
    [InlineData("overlap-check.active-l1=on", "overlap-check=none", "overlap-check.active-l1=on,overlap-check=none")]
    [InlineData("cache-size=1M", "l2-cache-size=2M,refcount-cache-size=3M", "cache-size=1M")]
    [InlineData("l2-cache-size=1M", "cache-size=2M,refcount-cache-size=3M", "l2-cache-size=1M,refcount-cache-size=3M")]
    [InlineData("cache-budget=1M", "cache-size=2M", "cache-budget=1M")]
    [InlineData("cache-budget=1M", "l2-cache-size=2M,refcount-cache-size=3M", "cache-budget=1M")]
    [InlineData("l2-cache-size=1M", "cache-budget=2M", "l2-cache-size=1M")]
    [InlineData("cache-size=1M", "cache-budget=2M", "cache-size=1M")]
    [InlineData("lazy-refcounts=on", "lazy-refcounts=off,cache-size=2M", "lazy-refcounts=on,cache-size=2M")]
    public void ReopenJoinsOptions(string changes, string current, string joined)
    {
        OptionSet options = ImageCreatorTests.ToOptions(changes);
        new Qcow2Driver().JoinOptions(options, ImageCreatorTests.ToOptions(current));
        Assert.Equal(joined, string.Join(',', options.Keys.Select(key => $"{key}={options[key]}")));
    }

    private static Qcow2OpenOptions Parse(string options, ImageHeader? header = null) =>
        Qcow2OpenOptions.Parse(ImageCreatorTests.ToOptions(options), header ?? Header(64 << 20), OpenFlags.ReadWrite);

    private static ImageHeader Header(long sizeBytes) => new() { ClusterBits = 16, VirtualSizeBytes = sizeBytes };
}
