"""The plot of the subcluster table: requests a second by cluster size, as SVG."""
import json
import math
import re

WIDTH, HEIGHT, LEFT, TOP, GAP, LEGEND = 420, 300, 60, 50, 70, 110
CASE = re.compile(r"(no backing|backing) QD(\d+) (\d+)([KM]) ext_l2=(on|off)$")
COLOURS = ["#0b62a4", "#c8501e", "#2e8b57", "#7a4fa3", "#8a6d00", "#555555"]


def series_of(records):
    """{(depth, backing): {(environment, extended): {cluster KiB: IOPS}}} from the records of a results file."""
    panels = {}
    for record in records:
        match = CASE.match(record.get("case", "")) if record.get("suite") == "randwrite" else None
        if not match or "iops" not in record["summary"]:
            continue
        backing, depth, number, unit, extended = match.groups()
        cluster = int(number) * (1024 if unit == "M" else 1)
        panel = panels.setdefault((int(depth), backing), {})
        panel.setdefault((record["environment"], extended), {})[cluster] = record["summary"]["iops"]["median"]
    return panels


def svg(panels):
    """One panel for each queue depth and each kind of image; logarithmic on both axes."""
    depths = sorted({depth for depth, _ in panels}, reverse=True)
    kinds = [kind for kind in ("backing", "no backing") if any((depth, kind) in panels for depth in depths)]
    environments = list(dict.fromkeys(key[0] for panel in panels.values() for key in panel))
    width = LEFT + len(kinds) * (WIDTH + GAP)
    height = TOP + len(depths) * (HEIGHT + GAP) + LEGEND
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
             f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
             f'<text x="{LEFT}" y="22" font-size="15">4 KiB random writes to an empty image: IOPS by cluster size'
             '</text>']
    for row, depth in enumerate(depths):
        for column, kind in enumerate(kinds):
            parts += _panel(LEFT + column * (WIDTH + GAP), TOP + row * (HEIGHT + GAP),
                            f"{'full backing file' if kind == 'backing' else 'no backing file'}, queue depth {depth}",
                            panels.get((depth, kind), {}), environments)
    parts += _legend(height - LEGEND + 20, environments)
    return "\n".join(parts + ["</svg>"]) + "\n"


def write(results_path, svg_path):
    with open(results_path) as file:
        panels = series_of(json.loads(line) for line in file)
    if panels:
        with open(svg_path, "w") as file:
            file.write(svg(panels))
    return bool(panels)


def _panel(left, top, title, lines, environments):
    clusters = sorted({cluster for line in lines.values() for cluster in line})
    values = [value for line in lines.values() for value in line.values() if value]
    if not values:
        return []
    low, high = math.floor(math.log10(min(values))), math.log10(max(values) * 1.2)
    first, last = math.log2(clusters[0]), max(math.log2(clusters[-1]), math.log2(clusters[0]) + 1)

    def x(cluster):
        return left + 15 + (math.log2(cluster) - first) / (last - first) * (WIDTH - 30)

    def y(value):
        return top + HEIGHT - (math.log10(value) - low) / (high - low) * HEIGHT

    parts = [f'<text x="{left}" y="{top - 8}" font-weight="bold">{title}</text>',
             f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>']
    for power in range(low, math.floor(high) + 1):
        for step in (1, 2, 5):
            value = step * 10 ** power
            if min(values) * 0.5 <= value and math.log10(value) <= high and math.log10(value) >= low:
                at = y(value)
                parts.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
                             f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{value}</text>')
    for cluster in clusters:
        name = f"{cluster // 1024}M" if cluster >= 1024 else f"{cluster}K"
        parts.append(f'<text x="{x(cluster):.1f}" y="{top + HEIGHT + 16}" text-anchor="middle">{name}</text>')
    for (environment, extended), line in lines.items():
        colour = COLOURS[environments.index(environment) % len(COLOURS)]
        points = [(x(cluster), y(value)) for cluster, value in sorted(line.items()) if value]
        dash = "" if extended == "on" else ' stroke-dasharray="6 4"'
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dash} points="'
                     + " ".join(f"{a:.1f},{b:.1f}" for a, b in points) + '"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
    return parts


def _legend(top, environments):
    parts = []
    for position, environment in enumerate(environments):
        colour = COLOURS[position % len(COLOURS)]
        for column, (extended, dash) in enumerate((("with subclusters", ""), ("without", ' stroke-dasharray="6 4"'))):
            left, at = LEFT + column * 230, top + position * 20
            parts.append(f'<line x1="{left}" x2="{left + 36}" y1="{at}" y2="{at}" stroke="{colour}" stroke-width="2"'
                         f'{dash}/><text x="{left + 44}" y="{at + 4}">{environment}, {extended}</text>')
    return parts
