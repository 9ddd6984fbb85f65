"""Whether the summaries say what the rows say that they were counted from.

Commands and the nightly job call it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.errors import DomainError
from school_app.schools.due import DAY, SummaryDue
from school_app.schools.models import Form
from school_app.students.models import Student
from school_app.summaries.counting import counted_days
from school_app.summaries.models import FIGURES, STUDENT_FIGURES, FormDay, StudentFigures
from school_app.summaries.queries import due_spans
from school_app.summaries.rules import NO_FORM, Key
from school_app.summaries.service import MOST_STUDENTS, PIECE, concerned_by, locked_state
from school_app.summaries.students import counted_students

AnySession = Session | scoped_session[Any]
NAMED = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of a form's day that is not what the rows say; `form` is None for students in no form."""

    on: date
    form: str | None
    figure: str
    kept: int
    counted: int

    def __str__(self) -> str:
        where = self.form or "students in no form"
        return f"{self.on} {where}: {self.figure} is {self.kept}, the rows say {self.counted}"


@dataclass(frozen=True, slots=True)
class StudentDifference:
    """A figure of a student that is not what the rows say; the student goes by number, since operators read it."""

    student_id: int
    figure: str
    kept: int
    counted: int

    def __str__(self) -> str:
        return f"student {self.student_id}: {self.figure} is {self.kept}, the rows say {self.counted}"


Differences = Sequence[Difference | StudentDifference]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a comparison found; `waiting` days or students were passed over, as they are due to be counted anew."""

    rows: int
    waiting: int
    differences: Differences


class SummariesDiffer(DomainError):
    """Summaries are not what the rows say; str() names the first differences."""

    def __init__(self, found: Differences) -> None:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        super().__init__("; ".join(str(one) for one in found[:NAMED]) + more)


def check(session: AnySession, first: date, last: date) -> Checked:
    """Compare the days between two days with the rows, a piece at a time; what is not counted yet is passed over.

    It holds the school's row of summary_state meanwhile, so that nothing is counted between the two readings; the
    caller ends the transaction.
    """
    state = locked_state(session)
    last = min(last, state.counted_to) if state.counted_to is not None else first - DAY
    rows, waiting, found = 0, 0, list[Difference | StudentDifference]()
    while first <= last:
        until = min(first + PIECE, last)
        kept, counted = _kept(session, first, until), counted_days(session, first, until)
        # Asked for last: what was changed while the rows were read is among it.
        spans = due_spans(session, first, until)
        due = {on for on in _days(first, until) if any(begin <= on <= end for begin, end in spans)}
        rows, waiting = rows + len(kept), waiting + len(due)
        found += _differences(kept, counted, due=due, names=_names(session))
        first = until + DAY
    return Checked(rows, waiting, found)


def check_students(session: AnySession, *, today: date) -> Checked:
    """Compare the figures of every student with the rows, some at a time; those not counted today are passed over.

    It holds the school's row of summary_state meanwhile, as check() does; the caller ends the transaction.
    """
    locked_state(session)
    rows, waiting, found = 0, 0, list[Difference | StudentDifference]()
    ids = session.scalars(select(Student.id).where(Student.is_active).order_by(Student.id)).all()
    for start in range(0, len(ids), MOST_STUDENTS):
        some = ids[start : start + MOST_STUDENTS]
        kept = _kept_of_students(session, some, today)
        counted = {row["student_id"]: row for row in counted_students(session, some, as_of=today)}
        # Asked for last, as the days are.
        right = kept.keys() - _due_students(session)
        rows, waiting = rows + len(right), waiting + len(some) - len(right)
        for id_ in sorted(right):
            pairs = ((name, getattr(kept[id_], name), counted[id_][name]) for name in STUDENT_FIGURES)
            found += [StudentDifference(id_, name, old, new) for name, old, new in pairs if old != new]
    return Checked(rows, waiting, found)


def _kept_of_students(session: AnySession, ids: Collection[int], today: date) -> dict[int, Any]:
    columns = [getattr(StudentFigures, name) for name in STUDENT_FIGURES]
    rows = session.execute(
        select(StudentFigures.student_id, *columns).where(
            StudentFigures.student_id.in_(ids), StudentFigures.as_of == today, StudentFigures.is_stale.is_(False)
        )
    )
    return {row.student_id: row for row in rows}


def _due_students(session: AnySession) -> set[int]:
    notes = session.scalars(select(SummaryDue)).all()
    if not notes:
        return set()
    return set(session.scalars(select(StudentFigures.student_id).where(concerned_by(notes))))


def _days(first: date, last: date) -> Iterator[date]:
    return (first + DAY * number for number in range((last - first).days + 1))


def _kept(session: AnySession, first: date, last: date) -> dict[Key, Mapping[str, int]]:
    columns = [getattr(FormDay, name) for name in FIGURES]
    rows = session.execute(select(FormDay.date, FormDay.place, *columns).where(FormDay.date.between(first, last)))
    return {(row.date, row.place): {name: getattr(row, name) for name in FIGURES} for row in rows}


def _names(session: AnySession) -> dict[int, str]:
    return {id_: name for id_, name in session.execute(select(Form.id, Form.name))}


def _differences(
    kept: Mapping[Key, Mapping[str, int]],
    counted: Mapping[Key, Mapping[str, int]],
    *,
    due: set[date],
    names: Mapping[int, str],
) -> Iterator[Difference]:
    for on, place in sorted(kept.keys() | counted.keys()):
        if on in due:
            continue
        form = None if place == NO_FORM else names.get(place, str(place))
        for figure in FIGURES:
            pair = kept.get((on, place), {}).get(figure, 0), counted.get((on, place), {}).get(figure, 0)
            if pair[0] != pair[1]:
                yield Difference(on, form, figure, *pair)
