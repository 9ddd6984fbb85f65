"""Counting the form whose register was saved, as soon as it is: its day, and the figures of its students.

summaries.routes calls it when the request that saved has ended; whatever it leaves is counted by summaries.service.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core import clock
from school_app.schools.due import SummaryDue
from school_app.students.models import Enrolment, Student
from school_app.summaries.counting import counted_days
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
    for _ in range(MOST_ROUNDS):
        piece = _round(session, today) if session.scalar(_saved().limit(1)) is not None else None
        if piece is None:
            return
        yield piece


def _saved() -> Select[SummaryDue]:
    """The notes of single days of forms, whose registers were saved; those of longer spans are for the service."""
    of_one_day = SummaryDue.first_on == SummaryDue.last_on
    return select(SummaryDue).where(SummaryDue.form_id.is_not(None), of_one_day).order_by(SummaryDue.id)


def _round(session: AnySession, today: date) -> Piece | None:
    state = session.scalar(select(SummaryState).with_for_update(skip_locked=True))
    if state is None or state.counted_to is None:
        return None
    # Read after the row is held: what another has counted meanwhile is gone.
    notes = session.scalars(_saved().where(SummaryDue.first_on <= state.counted_to).limit(MOST_NOTES)).all()
    if not notes:
        return None
    rows, students = 0, set[int]()
    for on, forms in _forms_by_day(notes).items():
        counted, placed = _count_day(session, on, forms)
        rows, students = rows + counted, students | placed
    for note in notes:
        session.delete(note)
    state.refreshed_at = clock.now()
    session.flush()
    ids = _active(session, students)
    told = count_students(session, ids, today=today) if ids else 0
    return Piece(max(note.first_on for note in notes), rows=rows, due=len(notes), students=told)


def _forms_by_day(notes: Sequence[SummaryDue]) -> dict[date, set[int]]:
    found: dict[date, set[int]] = defaultdict(set)
    for note in notes:
        if note.form_id is not None:
            found[note.first_on].add(note.form_id)
    return found


def _count_day(session: AnySession, on: date, forms: set[int]) -> tuple[int, set[int]]:
    """Count a day of some forms anew; how many rows that is, and the students who were counted."""
    students = _placed(session, Enrolment.student_id, Enrolment.form_id.in_(forms), on)
    # A student in two forms is counted in the later one, with what the registers of both say.
    every = forms | _placed(session, Enrolment.form_id, Enrolment.student_id.in_(students), on)
    if every != forms:
        students = _placed(session, Enrolment.student_id, Enrolment.form_id.in_(every), on)
    found = counted_days(session, on, on, students=students)
    session.execute(
        delete(FormDay).where(FormDay.date == on, FormDay.place.in_(every)),
        execution_options={"synchronize_session": False},
    )
    rows = add_days(session, {key: figures for key, figures in found.items() if key[1] in every})
    return rows, students


def _placed(session: AnySession, column: Any, condition: ColumnElement[bool], on: date) -> set[int]:
    """Who had a place, or where, on a day."""
    holds = (Enrolment.starts_on <= on, or_(Enrolment.ends_on.is_(None), Enrolment.ends_on >= on))
    return set(session.scalars(select(column).where(condition, *holds)))


def _active(session: AnySession, ids: Collection[int]) -> Sequence[int]:
    return session.scalars(select(Student.id).where(Student.id.in_(ids), Student.is_active).order_by(Student.id)).all()
