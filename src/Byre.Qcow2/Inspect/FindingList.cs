using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Collects findings; of one kind only the first few, then a count. Not thread-safe.
/// </summary>
internal sealed class FindingList
{
    private readonly List<InspectionFinding> _findings = [];
    private readonly List<string> _kinds = [];
    private readonly List<int> _counts = [];

    /// <summary>The danger that was found first; null for none.</summary>
    public InspectionFinding? FirstDanger { get; private set; }

    public void Info(string id, string text, string? name = null) => Add(InspectionSeverity.Info, id, text, name);

    public void Warning(string id, string text, string? name = null) =>
        Add(InspectionSeverity.Warning, id, text, name);

    public void Danger(string id, string text, string? name = null) => Add(InspectionSeverity.Danger, id, text, name);

    /// <summary>A warning of which there may be very many; all of its kind are warnings.</summary>
    public void Warning(string id, [InterpolatedStringHandlerArgument("", nameof(id))] FindingText text) =>
        Add(InspectionSeverity.Warning, id, text.Take());

    /// <summary>A danger of which there may be very many; all of its kind are dangers.</summary>
    public void Danger(string id, [InterpolatedStringHandlerArgument("", nameof(id))] FindingText text) =>
        Add(InspectionSeverity.Danger, id, text.Take());

    /// <summary>True where the next finding of a kind will be listed.</summary>
    public bool HasRoom(string id) =>
        _kinds.IndexOf(id) is var kind && (kind < 0 || _counts[kind] < InspectionLimits.MaxFindingsOfOneKind);

    /// <summary>The findings, the worst first, else in the order in which they were found.</summary>
    public IReadOnlyList<InspectionFinding> ToList()
    {
        var sorted = new List<InspectionFinding>(_findings.Count);
        for (InspectionSeverity severity = InspectionSeverity.Danger; severity >= InspectionSeverity.Info; severity--)
        {
            foreach (InspectionFinding finding in _findings)
            {
                if (finding.Severity == severity)
                    sorted.Add(Counted(finding));
            }
        }

        return sorted;
    }

    /// <summary>A text from the image in single quotes, as <see cref="Escape"/> makes it.</summary>
    public static string Quote(string text) => $"'{Escape(text)}'";

    /// <summary>
    /// A text from the image, cut where it is long, and without anything that a terminal would obey.
    /// </summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder();
        foreach (char character in text.AsSpan(0, Math.Min(text.Length, InspectionLimits.MaxNameCharacters)))
        {
            if (char.IsBetween(character, ' ', '~'))
                escaped.Append(character);
            else if (char.IsBetween(character, '\udc80', '\udcff'))
                escaped.Append(CultureInfo.InvariantCulture, $"\\x{character - 0xdc00:x2}");
            else
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
        }

        return escaped.Append(text.Length > InspectionLimits.MaxNameCharacters ? "..." : "").ToString();
    }

    private void Add(InspectionSeverity severity, string id, string? text, string? name = null)
    {
        int kind = _kinds.IndexOf(id);
        if (kind < 0)
        {
            kind = _kinds.Count;
            _kinds.Add(id);
            _counts.Add(0);
        }

        if (_counts[kind]++ >= InspectionLimits.MaxFindingsOfOneKind || text is null)
            return;
        var finding = new InspectionFinding(id, severity, text, name);
        _findings.Add(finding);
        if (severity == InspectionSeverity.Danger)
            FirstDanger ??= finding;
    }

    /// <summary>The last finding of a kind tells how many more there were.</summary>
    private InspectionFinding Counted(InspectionFinding finding)
    {
        int more = _counts[_kinds.IndexOf(finding.Id)] - InspectionLimits.MaxFindingsOfOneKind;
        bool isLast = more > 0 && ReferenceEquals(finding, _findings.FindLast(other => other.Id == finding.Id));
        return isLast ? finding with { Text = $"{finding.Text} (and {more} more)" } : finding;
    }
}
