"""Lines in a coordinate system, written as SVG: enough for the figures of docs/performance.md, without a library."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 64, 200, 36, 48
COLOURS = ("#3b6ea5", "#b3541e", "#4f7f3f", "#8a4f9e", "#a03a4e", "#5d6b78")
Points = Sequence[tuple[float, float]]


def plot(title: str, across: str, upward: str, series: Mapping[str, Points]) -> str:
    """A figure of some lines, each named at its right. ValueError where there is no point."""
    points = [point for found in series.values() for point in found]
    if not points:
        raise ValueError("There is nothing to draw.")
    marks = (_marks(max(x for x, _ in points)), _marks(max(y for _, y in points)))
    most = (marks[0][-1], marks[1][-1])
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="12" role="img" aria-label="{html.escape(title)}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            f'<text x="{LEFT}" y="20" font-size="14">{html.escape(title)}</text>',
            *_axes(across, upward, marks),
            *_lines(series, most),
            "</svg>\n",
        )
    )


def _place(point: tuple[float, float], most: tuple[float, float]) -> tuple[float, float]:
    x = LEFT + (WIDTH - LEFT - RIGHT) * point[0] / most[0]
    y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * point[1] / most[1]
    return round(x, 1), round(y, 1)


def _marks(most: float) -> list[float]:
    """Round numbers from 0 on, four to six of them, the last no less than the greatest value."""
    least = (most or 1.0) / 5
    ten = 10.0 ** math.floor(math.log10(least))
    step = next(ten * times for times in (1, 2, 2.5, 5, 10) if ten * times >= least)
    return [step * number for number in range(math.ceil((most or 1.0) / step) + 1)]


def _axes(across: str, upward: str, marks: tuple[Sequence[float], Sequence[float]]) -> Iterator[str]:
    most = (marks[0][-1], marks[1][-1])
    for value in marks[1]:
        _, y = _place((0, value), most)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{_number(value)}</text>'
    for value in marks[0]:
        x, _ = _place((value, 0), most)
        yield f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_number(value)}</text>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{html.escape(across)}</text>'
    turned = f'x="14" y="{HEIGHT / 2}" transform="rotate(-90 14 {HEIGHT / 2})"'
    yield f'<text {turned} text-anchor="middle">{html.escape(upward)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:,.3g}"


def _lines(series: Mapping[str, Points], most: tuple[float, float]) -> Iterator[str]:
    lowest = float(TOP)
    ends = sorted(series.items(), key=lambda one: -one[1][-1][1])
    for number, (name, points) in enumerate(ends):
        colour = COLOURS[number % len(COLOURS)]
        placed = [_place(point, most) for point in points]
        way = " ".join(f"{x},{y}" for x, y in placed)
        yield f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in placed)
        # Names that would lie upon each other are moved down.
        lowest = max(lowest, placed[-1][1] + 4)
        yield f'<text x="{WIDTH - RIGHT + 10}" y="{lowest:.1f}" fill="{colour}">{html.escape(name)}</text>'
        lowest += 15
