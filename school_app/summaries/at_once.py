"""Counting the form whose register was saved, as soon as it is: its day, and the figures of its students.

summaries.routes calls it when the request that saved has ended; whatever it leaves is counted by summaries.service.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, bindparam, delete, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core import clock
from school_app.core.lasting import lasting
from school_app.schools.due import SummaryDue
from school_app.students.models import Student
from school_app.summaries.counting import Placed, Some, counted_days, placed_with
from school_app.summaries.known import Known, known_of
from school_app.summaries.models import FormDay, SummaryState
from school_app.summaries.service import Piece, add_days, count_students

AnySession = Session | scoped_session[Any]
# What one request counts at most, so that nobody waits for what many others have saved: notes a round, and rounds.
MOST_NOTES, MOST_ROUNDS = 10, 3


def count_saved(session: AnySession, *, today: date) -> Iterator[Piece]:
    """Count the forms of which a register was saved, a round at a time; the caller commits after each.

    Where another counts the school's days just now nothing is waited for: the other looks once more when its round is
    committed, and finds what was saved meanwhile.
    """
    for number in range(MOST_ROUNDS):
        # Who comes here has just saved something; only whether more was saved meanwhile has to be asked.
        piece = _round(session, today) if number == 0 or session.scalar(ANY_SAVED) is not None else None
        if piece is None:
            return
        yield piece


# The notes of single days of forms, whose registers were saved; those of longer spans are for the service.
_OF_FORM = (SummaryDue.form_id.is_not(None), SummaryDue.first_on == SummaryDue.last_on)
ANY_SAVED = lasting(select(SummaryDue.id).where(*_OF_FORM).limit(1))
SAVED = lasting(
    select(SummaryDue.id, SummaryDue.first_on, SummaryDue.form_id)
    .where(*_OF_FORM, SummaryDue.first_on <= bindparam("counted_to"))
    .order_by(SummaryDue.id)
    .limit(MOST_NOTES)
)
STATE = lasting(select(SummaryState).with_for_update(skip_locked=True))
ACTIVE = lasting(
    select(Student.id).where(Student.id.in_(bindparam("ids", expanding=True)), Student.is_active).order_by(Student.id)
)


@dataclass(frozen=True, slots=True)
class _Day:
    """A day to count in some forms; `placed` are the places on it of everyone who had one in them."""

    on: date
    forms: set[int]
    placed: Placed


def _round(session: AnySession, today: date) -> Piece | None:
    state = session.scalar(STATE)
    if state is None or state.counted_to is None:
        return None
    # Read after the row is held: what another has counted meanwhile is gone.
    notes = session.execute(SAVED, {"counted_to": state.counted_to}).all()
    if not notes:
        return None
    days = [_day(session, on, forms) for on, forms in _forms_by_day(notes).items()]
    students = {row.student_id for day in days for row in day.placed}
    known = known_of(session, students, as_of=today)
    rows = sum(_count_day(session, day, known) for day in days)
    session.execute(
        delete(SummaryDue).where(SummaryDue.id.in_([note.id for note in notes])),
        execution_options={"synchronize_session": False},
    )
    state.refreshed_at = clock.now()
    session.flush()
    ids = session.scalars(ACTIVE, {"ids": list(students)}).all()
    told = count_students(session, ids, today=today, known=known) if ids else 0
    return Piece(max(note.first_on for note in notes), rows=rows, due=len(notes), students=told)


def _forms_by_day(notes: Sequence[Row[int, date, int | None]]) -> dict[date, set[int]]:
    found: dict[date, set[int]] = defaultdict(set)
    for note in notes:
        if note.form_id is not None:
            found[note.first_on].add(note.form_id)
    return found


def _day(session: AnySession, on: date, forms: Collection[int]) -> _Day:
    placed = placed_with(session, forms, on)
    # A student in two forms is counted in the later one, with what the registers of both say.
    every = {*forms, *(row.form_id for row in placed)}
    if every != set(forms):
        placed = placed_with(session, every, on)
    return _Day(on, every, placed)


def _count_day(session: AnySession, day: _Day, known: Known) -> int:
    """Count a day of some forms anew; how many rows that is."""
    found = counted_days(session, day.on, day.on, some=Some(day.placed, known))
    session.execute(
        delete(FormDay).where(FormDay.date == day.on, FormDay.place.in_(day.forms)),
        execution_options={"synchronize_session": False},
    )
    return add_days(session, {key: figures for key, figures in found.items() if key[1] in day.forms})
