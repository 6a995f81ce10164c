using Byre.Block.Errors;
using Byre.Block.Jobs;
using Byre.Block.Requests;

namespace Byre.Block.Tests.Jobs;

public sealed class CompareJobTests
{
    private const int Mega = 1 << 20;

    [Fact]
    public async Task Equal_content_is_identical_however_it_is_stored()
    {
        var first = new FakeNode(8 * Mega).Put(0, Mega, 1).PutZeroes(2 * Mega, Mega);
        var second = new FakeNode(8 * Mega).Put(0, Mega, 1).Put(4 * Mega, Mega, 0);

        Assert.Null(await new CompareJob(first, second, new CompareOptions()).RunAsync());
        CompareFinding? strict = await new CompareJob(first, second, new CompareOptions { Strict = true }).RunAsync();
        Assert.Equal(new CompareFinding(CompareFindingKind.Status, 2 * Mega), strict);
    }

    [Fact]
    public async Task The_first_difference_by_address_is_found_whoever_is_faster()
    {
        var first = new FakeNode(32 * Mega) { IsSlow = true }.Put(0, 32 * Mega, 1);
        var second = new FakeNode(32 * Mega) { IsSlow = true }.Put(0, 32 * Mega, 1);
        second.Put((3 * Mega) + 700, 1, 2).Put(20 * Mega, 1, 2);
        second.UnreadableRanges.Add(new ByteRange(5 * Mega, 1));

        CompareFinding? finding = await new CompareJob(first, second, new CompareOptions { Workers = 8 }).RunAsync();

        Assert.Equal(new CompareFinding(CompareFindingKind.Content, (3 * Mega) + 512), finding);
    }

    [Fact]
    public async Task Errors_are_findings()
    {
        var first = new FakeNode(Mega).Put(0, Mega, 1);
        var second = new FakeNode(Mega).Put(0, Mega, 1);
        second.UnreadableRanges.Add(new ByteRange(4096, 1));
        CompareFinding? finding = await new CompareJob(first, second, new CompareOptions()).RunAsync();
        Assert.Equal(
            new CompareFinding(CompareFindingKind.ReadError, 0) { NodeIndex = 1, Errno = Errno.InputOutput }, finding);

        first.StatuslessRanges.Add(new ByteRange(0, 1));
        finding = await new CompareJob(first, second, new CompareOptions()).RunAsync();
        Assert.Equal(CompareFindingKind.StatusError, finding?.Kind);
    }

    [Fact]
    public async Task A_longer_disk_must_end_in_zeroes()
    {
        var first = new FakeNode(2 * Mega).Put(0, Mega, 1);
        var second = new FakeNode(4 * Mega).Put(0, Mega, 1).Put(3 * Mega, 4096, 0);
        int announced = 0;
        var options = new CompareOptions { LengthsDiffer = () => announced++ };

        Assert.Null(await new CompareJob(first, second, options).RunAsync());
        second.Put((3 * Mega) + 1025, 1, 1);
        CompareFinding? finding = await new CompareJob(first, second, options).RunAsync();

        Assert.Equal(new CompareFinding(CompareFindingKind.Content, (3 * Mega) + 1024), finding);
        Assert.Equal(2, announced);
    }
}
