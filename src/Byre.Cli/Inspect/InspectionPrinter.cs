using System.Globalization;
using System.Text;
using Byre.Block.Graph;
using Byre.Cli.Shared;
using Byre.Qcow2.Inspect;

namespace Byre.Cli.Inspect;

/// <summary>An inspection's report as text and as JSON. Stateless.</summary>
internal static class InspectionPrinter
{
    /// <summary>The report as a person reads it.</summary>
    public static void Print(StandardOutput output, string file, InspectionReport report)
    {
        output.WriteLine($"file: {file}");
        output.WriteLine($"format: {report.Format}{(report.Content is { } content ? $" ({content})" : "")}");
        output.WriteLine($"file length: {HumanSize.Format(report.FileBytes)} ({report.FileBytes} bytes)");
        if (report.VirtualSizeBytes is { } size)
            output.WriteLine($"virtual size: {HumanSize.Format(size)} ({size} bytes)");
        foreach (InspectionFinding finding in report.Findings)
            output.WriteLine($"{NameOf(finding.Severity)}: {finding.Text} [{finding.Id}]");
        output.WriteLine(
            $"examined: {report.BytesRead} bytes in {report.Reads} reads, {report.EntriesExamined} entries"
            + (report.IsComplete ? "" : ", not everything"));
        output.WriteLine($"verdict: {NameOf(report.Verdict)}: {report.Reason}");
    }

    /// <summary>The report as one JSON object over several lines, without a line feed at the end.</summary>
    public static string ToJson(string file, InspectionReport report)
    {
        var text = new StringBuilder("{\n");
        AppendString(text, "filename", file);
        AppendString(text, "verdict", NameOf(report.Verdict));
        AppendString(text, "reason", report.Reason);
        AppendString(text, "format", report.Format);
        if (report.Content is { } content)
            AppendString(text, "content", content);
        AppendNumber(text, "file-length", report.FileBytes);
        if (report.VirtualSizeBytes is { } size)
            AppendNumber(text, "virtual-size", size);
        AppendFindings(text, report.Findings);
        text.Append("    \"complete\": ").Append(report.IsComplete ? "true" : "false").Append(",\n");
        AppendNumber(text, "bytes-read", report.BytesRead);
        AppendNumber(text, "reads", report.Reads);
        return text.Append(CultureInfo.InvariantCulture, $"    \"entries-examined\": {report.EntriesExamined}\n}}")
            .ToString();
    }

    private static void AppendFindings(StringBuilder text, IReadOnlyList<InspectionFinding> findings)
    {
        text.Append("    \"findings\": [");
        for (int i = 0; i < findings.Count; i++)
        {
            InspectionFinding finding = findings[i];
            text.Append(i == 0 ? "\n" : ",\n").Append("        {\"id\": ");
            JsonText.AppendQuoted(text, finding.Id);
            text.Append(", \"severity\": ");
            JsonText.AppendQuoted(text, NameOf(finding.Severity));
            if (finding.Name is { } name)
            {
                text.Append(", \"name\": ");
                JsonText.AppendQuoted(text, name);
            }

            text.Append(", \"text\": ");
            JsonText.AppendQuoted(text, finding.Text);
            text.Append('}');
        }

        text.Append(findings.Count == 0 ? "],\n" : "\n    ],\n");
    }

    private static void AppendString(StringBuilder text, string key, string value)
    {
        text.Append("    \"").Append(key).Append("\": ");
        JsonText.AppendQuoted(text, value);
        text.Append(",\n");
    }

    private static void AppendNumber(StringBuilder text, string key, long value) =>
        text.Append(CultureInfo.InvariantCulture, $"    \"{key}\": {value},\n");

    private static string NameOf(InspectionVerdict verdict) => verdict switch
    {
        InspectionVerdict.Safe => "safe",
        InspectionVerdict.Unsafe => "unsafe",
        _ => "not-an-image",
    };

    private static string NameOf(InspectionSeverity severity) => severity switch
    {
        InspectionSeverity.Danger => "danger",
        InspectionSeverity.Warning => "warning",
        _ => "info",
    };
}
