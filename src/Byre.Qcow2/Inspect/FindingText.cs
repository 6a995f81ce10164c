using System.Runtime.CompilerServices;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// The text of a finding, put together only where the finding will be listed: a hostile table makes hundreds of
/// thousands of them. Lives as long as one call.
/// </summary>
[InterpolatedStringHandler]
internal ref struct FindingText
{
    private DefaultInterpolatedStringHandler _text;
    private readonly bool _isWanted;

    public FindingText(int literalLength, int formattedCount, FindingList list, string id, out bool isWanted)
    {
        isWanted = list.HasRoom(id);
        _isWanted = isWanted;
        if (isWanted)
            _text = new DefaultInterpolatedStringHandler(literalLength, formattedCount);
    }

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted(string value) => _text.AppendFormatted(value);

    public void AppendFormatted(long value, string? format = null) => _text.AppendFormatted(value, format);

    public void AppendFormatted(ulong value, string? format = null) => _text.AppendFormatted(value, format);

    /// <summary>The text; null where nobody wants it.</summary>
    public string? Take() => _isWanted ? _text.ToStringAndClear() : null;
}
