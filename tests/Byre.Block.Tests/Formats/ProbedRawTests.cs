using System.Text;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Block.Tests.Support;

namespace Byre.Block.Tests.Formats;

/// <summary>A raw image whose format was guessed must not become one of another format by its guest's hand.</summary>
public sealed class ProbedRawTests
{
    private readonly MemoryFiles _files = new();
    private readonly ImageOpener _opener;

    public ProbedRawTests() =>
        _opener = new ImageOpener(new DriverRegistry(new RawDriver(), _files)) { ProbesWritable = true };

    public static TheoryData<string> Headers =>
    [
        "QFI\u00fb\0\0\0\u0002", "QFI\u00fb\0\0\0\u0001", "QED\0", "KDMV", "COWD", "conectix", "vhdxfile",
        "LUKS\u00ba\u00be\0\u0001", "WithoutFreeSpace", "WithouFreSpacExt", "Bochs Virtual HD Image\0",
        "# Disk DescriptorFile\nversion=1\n", "#\r\n  \r\nversion=3\r\n",
        "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n",
        new string('\0', 64) + "\u007f\u0010\u00da\u00be",
    ];

    public static TheoryData<string> Harmless =>
    [
        "", "QFI", "QFI\u00fb\0\0\0\0", "LUKS\u00ba", "version=4\n", "# nothing\nversion=1", "\n\n\n",
    ];

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task A_write_that_looks_like_another_format_fails(string header)
    {
        byte[] sector = Sector(header);
        Assert.NotNull(FormatSignatures.Identify(sector));
        MemoryFile file = _files.Add("disk", new byte[4096]);
        await using BlockNode node = await _opener.OpenAsync("disk", OpenFlags.ReadWrite);

        BlockException failure = await Assert.ThrowsAsync<BlockException>(async () => await node.WriteAsync(0, sector));
        Assert.Equal(Errno.OperationNotPermitted, failure.Errno);
        Assert.All(file.Content, value => Assert.Equal(0, value));
        await node.WriteAsync(512, sector);
    }

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task A_format_that_was_given_lifts_the_restriction(string header)
    {
        MemoryFile file = _files.Add("disk", new byte[4096]);
        await using BlockNode node = await _opener.OpenAsync("disk", OpenFlags.ReadWrite, format: "raw");
        await node.WriteAsync(0, Sector(header));
        Assert.Equal(Sector(header), file.Content[..512]);
    }

    [Theory]
    [MemberData(nameof(Harmless))]
    public async Task Other_writes_pass(string header)
    {
        byte[] sector = Sector(header);
        Assert.Null(FormatSignatures.Identify(sector));
        _files.Add("disk", new byte[4096]);
        await using BlockNode node = await _opener.OpenAsync("disk", OpenFlags.ReadWrite);
        await node.WriteAsync(0, sector);
    }

    [Fact]
    public async Task A_header_written_piece_by_piece_fails_with_its_last_piece()
    {
        MemoryFile file = _files.Add("disk", new byte[4096]);
        await using BlockNode node = await _opener.OpenAsync("disk", OpenFlags.ReadWrite);
        byte[] header = Sector("QFI\u00fb\0\0\0\u0003");
        await node.WriteAsync(4, header[4..8]);
        await node.WriteAsync(1, header[1..4]);
        await Assert.ThrowsAsync<BlockException>(async () => await node.WriteAsync(0, header[..1]));
        Assert.Equal(0, file.Content[0]);
    }

    [Fact]
    public async Task What_was_looked_at_is_what_is_written()
    {
        MemoryFile file = _files.Add("disk", new byte[4096]);
        await using BlockNode node = await _opener.OpenAsync("disk", OpenFlags.ReadWrite);
        Memory<byte>[] pieces = [Filled(100, 1), Filled(400, 2), Filled(700, 3), Filled(80, 4)];
        await node.WriteAsync(0, new IoVector(pieces));
        byte[] expected = [.. pieces.SelectMany(piece => piece.ToArray())];
        Assert.Equal(expected, file.Content[..expected.Length]);
    }

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task An_image_of_a_format_that_is_not_known_is_not_taken_for_raw(string header)
    {
        _files.Add("disk", Sector(header));
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await _opener.OpenAsync("disk", OpenFlags.None));
        Assert.Equal(BlockErrorKind.Unsupported, failure.Kind);
        await (await _opener.OpenAsync("disk", OpenFlags.None, format: "raw")).DisposeAsync();
    }

    [Fact]
    public async Task By_default_an_image_that_is_written_to_is_not_probed()
    {
        _files.Add("disk", new byte[512]);
        var strict = new ImageOpener(_opener.Registry);
        await (await strict.OpenAsync("disk", OpenFlags.None)).DisposeAsync();
        await (await strict.OpenAsync("disk", OpenFlags.ReadWrite, format: "raw")).DisposeAsync();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await strict.OpenAsync("disk", OpenFlags.ReadWrite));
        Assert.StartsWith("The format of 'disk' is not given", failure.Message, StringComparison.Ordinal);
    }

    private static byte[] Sector(string start)
    {
        byte[] sector = new byte[512];
        Encoding.Latin1.GetBytes(start, sector);
        return sector;
    }

    private static byte[] Filled(int length, byte value)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        return bytes;
    }
}
