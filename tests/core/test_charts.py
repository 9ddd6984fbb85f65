"""Lines of charts, point by point."""

from __future__ import annotations

import pytest

from school_app.core.charts import Line, drawn


@pytest.mark.parametrize(
    ("points", "line"),
    [
        ([70, 85, 100], Line("M3.0 23.0L48.0 13.0L93.0 3.0", "93.0", "3.0", 3)),
        ([None, 100, None, 70, 70], Line("M25.5 3.0M70.5 23.0L93.0 23.0", "93.0", "23.0", 3)),
        ([40, 120], Line("M3.0 23.0L93.0 3.0", "93.0", "3.0", 2)),
        ([85], Line("M3.0 13.0", "3.0", "13.0", 1)),
        ([None], Line("", "0", "0", 0)),
        ([], Line("", "0", "0", 0)),
    ],
)
def test_a_line_is_broken_by_gaps_and_stays_in_its_frame(points: list[float | None], line: Line) -> None:
    assert drawn(points, 3, 90, 3, 20, 70, 100) == line
