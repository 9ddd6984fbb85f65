"""Lines of charts, as SVG draws them; templates print them with the filter `drawn`.

core.pages gives it to templates; it knows neither the web nor the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """The path of a line and the place of its last point, as attributes have them; `points` are those without gaps."""

    path: str
    x: str
    y: str
    points: int


def drawn(
    points: Sequence[float | None], left: float, width: float, top: float, height: float, low: float, high: float
) -> Line:
    """A line over figures from left to right, in the units of the drawing; a figure of None is a gap.

    Figures below `low`, the bottom, and above `high`, the top, are drawn there.
    """
    step = width / max(len(points) - 1, 1)
    path, pen, x, y = [], "M", "0", "0"
    for place, value in enumerate(points):
        if value is None:
            pen = "M"
            continue
        x = f"{left + place * step:.1f}"
        y = f"{top + (high - min(max(value, low), high)) / (high - low) * height:.1f}"
        path.append(f"{pen}{x} {y}")
        pen = "L"
    return Line("".join(path), x, y, len(path))
