using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Fuzz.Actions;

/// <summary>
/// What a guest must see on a sound image: filled from the image, then changed by the same requests. Gives up where it
/// cannot know. Not thread-safe.
/// </summary>
internal sealed class GuestModel
{
    private const long MaxBytes = 2 << 20;

    private byte[]? _content;

    /// <summary>False where nothing is known of the content.</summary>
    public bool IsKnown => _content is not null;

    public byte[]? Content => _content;

    /// <summary>Takes the content as it is now.</summary>
    public void Load(BlockNode node)
    {
        _content = null;
        if (node.LengthBytes > MaxBytes)
            return;
        byte[] content = new byte[node.LengthBytes];
        try
        {
            node.ReadAsync(0, content).AsTask().GetAwaiter().GetResult();
            _content = content;
        }
        catch (BlockException)
        {
            // Unreadable in places: there is no model of that.
        }
    }

    /// <summary>Takes the content as it is now, unless it was not known before.</summary>
    public void Load(BlockNode node, bool onlyIfKnown)
    {
        if (IsKnown || !onlyIfKnown)
            Load(node);
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes) => bytes.CopyTo(_content.AsSpan((int)offset));

    /// <summary>The first byte that differs from what the node shows; -1 for none.</summary>
    public long FindDifference(BlockNode node)
    {
        if (_content is null)
            return -1;
        var now = new GuestModel();
        now.Load(node);
        if (now._content is null)
            return 0;
        int same = now._content.AsSpan().CommonPrefixLength(_content);
        return same == _content.Length && same == now._content.Length ? -1 : same;
    }

    public void Forget() => _content = null;
}
