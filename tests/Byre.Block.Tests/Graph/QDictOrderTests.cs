using Byre.Block.Graph;

namespace Byre.Block.Tests.Graph;

public class QDictOrderTests
{
    [Theory]
    [InlineData(
        "children virtual-size filename cluster-size format actual-size format-specific full-backing-filename "
        + "backing-filename dirty-flag")]
    [InlineData("bitmaps required fully-allocated")]
    [InlineData(
        "image-end-offset compressed-clusters total-clusters corruptions corruptions-fixed check-errors leaks " +
        "leaks-fixed "
        + "allocated-clusters filename format fragmented-clusters")]
    public void Keys_come_in_the_order_of_the_peers_output(string expected)
    {
        string[] keys = expected.Split(' ');

        Assert.Equal(keys, QDictOrder.Sort(keys.Order(StringComparer.Ordinal).ToArray()));
        Assert.Equal(keys, QDictOrder.Sort(keys.OrderDescending(StringComparer.Ordinal).ToArray()));
    }

    [Fact]
    public void Within_a_bucket_the_latest_comes_first()
    {
        string[] pair = FindCollision();

        Assert.Equal([pair[1], pair[0]], QDictOrder.Sort(pair));
        Assert.Equal([pair[0], pair[1]], QDictOrder.Sort(pair.Reverse().ToArray()));
    }

    private static string[] FindCollision()
    {
        var seen = new Dictionary<int, string>();
        for (int i = 0; ; i++)
        {
            string key = $"key{i}";
            if (!seen.TryAdd(QDictOrder.Bucket(key), key))
                return [seen[QDictOrder.Bucket(key)], key];
        }
    }
}
