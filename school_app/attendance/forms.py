"""What the register's page posts, read into entries, and what it shows again where the entries were refused.

attendance.routes uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from school_app.attendance.codes import Code
from school_app.attendance.service import Entry, InvalidRegister
from school_app.attendance.sheet import Row
from school_app.core import asked

PREFIX = "code-"
DIGITS = 4


class UnreadMinutes(InvalidRegister):
    """A student's minutes are no whole number; the page puts the name before the sentence."""

    def __init__(self, student_id: int, text: str) -> None:
        super().__init__(f"“{text[:20]}” is no number of minutes; write them as 10.")
        self.student_id = student_id


def read_entries(form: Mapping[str, str]) -> list[Entry]:
    """The entries of a posted register. UnreadMinutes, or InvalidRegister where it is no register of this page."""
    ids = [key.removeprefix(PREFIX) for key in form if key.startswith(PREFIX)]
    if any(asked.number(id_) is None for id_ in ids):
        raise InvalidRegister("This register could not be read; reload the page and enter it again.")
    return [
        Entry(
            int(id_),
            form[PREFIX + id_],
            minutes_late=_minutes_of(int(id_), form),
            reason=form.get(f"reason-{id_}"),
        )
        for id_ in ids
    ]


def _minutes_of(student_id: int, form: Mapping[str, str]) -> int | None:
    text = form.get(f"minutes-{student_id}", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise UnreadMinutes(student_id, text)
    return int(text)


def refused_rows(rows: Iterable[Row], form: Mapping[str, str]) -> list[Row]:
    """The page's rows with what a person entered, so that nothing has to be typed twice."""
    return [
        replace(
            row,
            code=form.get(f"{PREFIX}{row.id}", row.code),
            minutes=form.get(f"minutes-{row.id}", ""),
            reason=form.get(f"reason-{row.id}"),
        )
        for row in rows
    ]


def contrasted_rows(rows: Iterable[Row], codes: Sequence[Code], form: Mapping[str, str]) -> list[Row]:
    """The page's rows as they stand, each with what the person had entered where that differs."""
    names = {code.code: code.name.lower() for code in codes}
    found = []
    for row in rows:
        entered = form.get(f"{PREFIX}{row.id}", row.code)
        context = None if entered == row.code else f"You had entered: {names.get(entered, entered)}."
        found.append(replace(row, context=context))
    return found
