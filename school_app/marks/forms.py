"""What the forms of assessments and results post, read into what marks.service takes.

marks.routes uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from school_app.core import asked
from school_app.core.asked import day as read_day
from school_app.marks.pages import Cell
from school_app.marks.service import InvalidMark, Particulars, Score, number

PREFIX = "score-"


def read_particulars(form: Mapping[str, str]) -> Particulars:
    """What was entered of an assessment. InvalidMark names the field that cannot be read."""
    try:
        due_on = read_day(form.get("due_on", ""))
    except ValueError:
        raise InvalidMark("Day: enter a day such as 2026-05-17.") from None
    return Particulars(form.get("title", ""), due_on, maximum=number(form.get("maximum", ""), "Out of"))


def read_scores(form: Mapping[str, str], rows: list[Cell]) -> dict[int, Score]:
    """What was entered for each student, beside what the page had shown. InvalidMark names the student."""
    names = {row.student_id: row.name for row in rows}
    found = {}
    for key, text in form.items():
        id_ = asked.number(key.removeprefix(PREFIX)) if key.startswith(PREFIX) else None
        if id_ is not None:
            name = names.get(id_, "Result")
            found[id_] = Score(_optional(text, name), shown=_optional(form.get(f"was-{id_}", ""), name))
    return found


def _optional(text: str, label: str) -> Decimal | None:
    return number(text, label) if text.strip() else None
