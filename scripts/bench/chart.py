"""The table's rates as a bar chart, in SVG without a library."""

from html import escape

WIDTH, LABEL, BAR, GAP, HEAD = 860, 190, 18, 6, 26
OURS, THEIRS = "#2f6f9f", "#b9bec4"


def chart(rows):
    """One group a piece of work, one bar a reader, scaled within the group."""
    groups = {}
    for row in rows:
        groups.setdefault(row["work"], []).append(row)
    parts, y = [], 10
    for work, readers in groups.items():
        parts.append(f'<text x="10" y="{y + 14}" font-weight="bold">{escape(work)}</text>')
        y += HEAD
        widest = max(reader["per_second"] for reader in readers)
        for reader in readers:
            width = (WIDTH - LABEL - 130) * reader["per_second"] / widest
            colour = OURS if reader["reader"] == "minicdc" else THEIRS
            rate = f"{reader['per_second']:,} {reader['unit']}/s"
            parts.append(
                f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(reader["reader"])}</text>'
                f'<rect x="{LABEL}" y="{y}" width="{width:.0f}" height="{BAR}" rx="2" fill="{colour}"/>'
                f'<text x="{LABEL + width + 8:.0f}" y="{y + 13}">{rate}</text>'
            )
            y += BAR + GAP
        y += 12
    style = "font-family:sans-serif;font-size:12px;fill:#24292f"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
        f'viewBox="0 0 {WIDTH} {y}"><rect width="100%" height="100%" fill="#ffffff"/>'
        f'<g style="{style}">{"".join(parts)}</g></svg>\n'
    )
