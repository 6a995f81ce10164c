using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Tests.Create;

/// <summary>Every option of <c>create</c> and every way in which it is refused, with the peer's texts.</summary>
public sealed class Qcow2CreateOptionsTests
{
    [Theory]
    [InlineData("refcount_bits=3", "Refcount width must be a power of two and may not exceed 64 bits")]
    [InlineData("refcount_bits=0", "Refcount width must be a power of two and may not exceed 64 bits")]
    [InlineData("refcount_bits=128", "Refcount width must be a power of two and may not exceed 64 bits")]
    [InlineData("refcount_bits=-1", "Refcount width must be a power of two and may not exceed 64 bits")]
    [InlineData("refcount_bits=x", "Parameter 'refcount_bits' expects a number")]
    [InlineData(
        "refcount_bits=99999999999999999999",
        "Value '99999999999999999999' is too large for parameter 'refcount_bits'")]
    [InlineData(
        "compat=0.10,refcount_bits=8",
        "Different refcount widths than 16 bits require compatibility level 1.1 or above (use version=v3 or greater)")]
    [InlineData("cluster_size=1000", "Cluster size must be a power of two between 512 and 2048k")]
    [InlineData("cluster_size=256", "Cluster size must be a power of two between 512 and 2048k")]
    [InlineData("cluster_size=4M", "Cluster size must be a power of two between 512 and 2048k")]
    [InlineData("cluster_size=0", "Cluster size must be a power of two between 512 and 2048k")]
    [InlineData("cluster_size=4294967296", "Cluster size must be a power of two between 512 and 2048k")]
    [InlineData(
        "extended_l2=on,cluster_size=8k",
        "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes")]
    [InlineData(
        "compat=0.10,extended_l2=on",
        "Extended L2 entries are only supported with compatibility level 1.1 and above (use version=v3 or greater)")]
    [InlineData("compression_type=foo", "Parameter 'compression-type' does not accept value 'foo'")]
    [InlineData(
        "compat=v2,compression_type=zstd",
        "Non-zlib compression type is only supported with compatibility level 1.1 and above (use version=v3 or " +
        "greater)")]
    [InlineData("data_file_raw=on", "data-file-raw requires data-file")]
    [InlineData(
        "data_file_raw=on,data_file=d,backing_file=b,backing_fmt=raw",
        "Backing file and data-file-raw cannot be used at the same time")]
    [InlineData(
        "compat=0.10,data_file=d",
        "External data files are only supported with compatibility level 1.1 and above (use version=v3 or greater)")]
    [InlineData("preallocation=1234", "Parameter 'preallocation' does not accept value '1234'")]
    [InlineData(
        "preallocation=metadata,backing_file=b",
        "Backing file and preallocation can only be used at the same time if extended_l2 is on")]
    [InlineData("backing_fmt=raw", "Backing format cannot be used without backing file")]
    [InlineData("compat=0.42", "Parameter 'version' does not accept value '0.42'")]
    [InlineData(
        "compat=0.10,lazy_refcounts=on",
        "Lazy refcounts only supported with compatibility level 1.1 and above (use version=v3 or greater)")]
    [InlineData("lazy_refcounts=3", "Parameter 'lazy_refcounts' expects 'on' or 'off'")]
    [InlineData("encrypt.cipher-alg=x", "Parameter 'encrypt.format' is missing")]
    [InlineData("encryption=off,encrypt.key-secret=x", "Parameter 'encrypt.format' is missing")]
    [InlineData("encrypt.format=foo", "Parameter 'format' does not accept value 'foo'")]
    [InlineData(
        "encryption=on,encrypt.format=luks", "'encrypt.format' and its alias 'encryption' can't be used at the same " +
            "time")]
    [InlineData("encrypt.format=luks,encrypt.key-secret=s", "Encryption of qcow2 images ('luks') is not supported")]
    [InlineData("size=9223372036854775807", "Could not resize image: Image size cannot be negative")]
    public void WrongOptionsAreRefused(string options, string message) =>
        Assert.Equal(
            message,
            Assert.Throws<BlockException>(
                () => Qcow2CreateOptions.Parse(ImageCreatorTests.ToOptions(options))).Message);

    [Fact]
    public void DefaultsAreThePeers() =>
        Assert.Equal(
            new Qcow2CreateOptions
            {
                Version = 3,
                ClusterSizeBytes = 65536,
                RefcountBits = 16,
                CompressionType = CompressionType.Zlib,
                Preallocation = PreallocationMode.Off,
                SizeBytes = 1536,
            },
            Qcow2CreateOptions.Parse(ImageCreatorTests.ToOptions("size=1234")));

    [Fact]
    public void RawDataFileImpliesMetadataPreallocation() =>
        Assert.Equal(
            PreallocationMode.Metadata,
            Qcow2CreateOptions.Parse(ImageCreatorTests.ToOptions("data_file=d,data_file_raw=on")).Preallocation);

    [Fact]
    public void ProtocolOptionsAreLeft()
    {
        OptionSet options = ImageCreatorTests.ToOptions("nocow=on,size=1,extent_size_hint=0");
        Qcow2CreateOptions.Parse(options);
        Assert.Equal(["nocow", "extent_size_hint"], options.Keys);
    }

    [Fact]
    public void EveryDescriptorIsTaken()
    {
        foreach (CreateOption option in Qcow2CreateOptions.Descriptors)
        {
            var options = new OptionSet { [option.Name] = "1" };
            Record.Exception(() => Qcow2CreateOptions.Parse(options));
            Assert.True(options.IsEmpty, option.Name);
        }
    }
}
