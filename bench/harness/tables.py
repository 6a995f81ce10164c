"""Tables in plain text and in Markdown."""
from .statistics import speedup


def render(header, rows, markdown, left=(0, 1)):
    """A table of texts; the columns in `left` are names, the others numbers."""
    widths = [max(len(row[i]) for row in [header] + rows) for i in range(len(header))]

    def line(row):
        cells = [cell.ljust(widths[i]) if i in left else cell.rjust(widths[i]) for i, cell in enumerate(row)]
        return "| " + " | ".join(cells) + " |" if markdown else "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    if markdown:
        rule = "|".join("-" * (width + 1) + ("-" if i in left else ":") for i, width in enumerate(widths)).join("||")
    return "\n".join([line(header), rule] + [line(row) for row in rows])


def suite_table(suite, rows, subject, baseline, markdown):
    """The figures of a suite: medians, the mean and deviation of the main metric, and how many times better ours is."""
    main = suite.main
    metrics = [metric for metric in suite.metrics if metric is not main
               and any(series.median(metric.key) is not None for _, row in rows for series in row.values())]
    several = any(len(series.runs) > 1 for _, row in rows for series in row.values())
    header = (["case", "environment", main.title] + (["mean", "±"] if several else [])
              + [metric.title for metric in metrics] + ["runs", f"{subject} is × {baseline}"])
    lines = []
    for case, row in rows:
        for position, (name, series) in enumerate(row.items()):
            ratio = ""
            if name == subject and baseline in row:
                times = speedup(series, row[baseline], main)
                ratio = "-" if times is None else f"{times:.2f}"
            spread = [_figure(series.mean(), main.format), _figure(series.deviation(), main.format)] if several else []
            lines.append([case.name if position == 0 or markdown else "", name,
                          _figure(series.median(main.key), main.format)] + spread
                         + [_figure(series.median(metric.key), metric.format) for metric in metrics]
                         + [series.count_text, ratio])
        if not row:
            lines.append([case.name, "(none can)"] + [""] * (len(header) - 2))
    title = f"### {suite.title}" if markdown else suite.title
    notes = [note + "\n" for note in suite.notes]
    return "\n".join([title, ""] + notes + [render(header, lines, markdown), ""])


def target_table(verdicts, markdown):
    """Every target with what was reached."""
    lines = [[suite.name + ": " + case.name, str(target), "-" if reached is None else f"{reached:.2f}",
              "PASS" if met else "MISS"] for suite, case, target, reached, met in verdicts]
    passed = sum(met for *_, met in verdicts)
    title = "### Targets" if markdown else "Targets"
    return "\n".join([title, "", render(["case", "target", "reached", "verdict"], lines, markdown), "",
                      f"{passed} PASS, {len(verdicts) - passed} MISS", ""])


def _figure(value, form):
    return "-" if value is None else format(value, form)
