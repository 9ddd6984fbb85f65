"""Keeping the summaries: what is due is counted anew from the rows, a piece at a time.

Jobs and commands call these and commit after each piece. Whoever counts holds the school's row of summary_state, so
that of two the second reads after the first has written; what is noted as due meanwhile stays due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.core import clock
from school_app.schools.due import DAY, SummaryDue
from school_app.schools.models import SchoolYear
from school_app.students.models import Enrolment, Student
from school_app.summaries.counting import counted_days
from school_app.summaries.known import Known
from school_app.summaries.models import FIGURES, FormDay, StudentFigures, SummaryState
from school_app.summaries.rules import NO_FORM, Key
from school_app.summaries.students import counted_students

AnySession = Session | scoped_session[Any]
# What is counted in one transaction: days, notes of what is due, and students.
PIECE = timedelta(days=30)
MOST_DUE = 1_000
MOST_STUDENTS = 500


@dataclass(frozen=True, slots=True)
class Piece:
    """What was counted in one transaction: rows of forms and days up to `last`, notes that are done, students."""

    last: date
    rows: int = 0
    due: int = 0
    students: int = 0


def refresh(session: AnySession, *, today: date) -> Iterator[Piece]:
    """Count what is due, a piece at a time; the caller commits after each, and may stop after any.

    First the days that were never counted, up to the school's today; then those that changed; then students.
    """
    while True:
        state = locked_state(session)
        piece = _new_days(session, state, today) or _due_days(session, today) or _students(session, today)
        if piece is None:
            return
        state.refreshed_at = clock.now()
        session.flush()
        yield piece


def rebuild(session: AnySession, first: date | None, last: date | None, *, today: date) -> Iterator[Piece]:
    """Count the days from one to another anew, by default all, and then every student, a piece at a time as refresh()
    does."""
    begin, end = span_of(session, first, last, today=today)
    locked_state(session)
    session.execute(update(StudentFigures).values(is_stale=True), execution_options={"synchronize_session": False})
    while begin <= end:
        locked_state(session)
        until = min(begin + PIECE, end)
        yield Piece(until, rows=_store(session, begin, until))
        begin = until + DAY
    while locked_state(session) and (piece := _students(session, today)) is not None:
        yield piece


def span_of(session: AnySession, first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """The days from one to another that have come; by default all that a school's summaries tell of."""
    return first or first_day(session, today), min(last or today, today)


def first_day(session: AnySession, today: date) -> date:
    """The first day that a school's summaries tell of."""
    first = session.scalar(select(func.min(SchoolYear.starts_on)))
    return today if first is None else min(first, today)


def locked_state(session: AnySession) -> SummaryState:
    """How far the school's days are counted, held until the end of the transaction by whoever asked first."""
    statement = select(SummaryState).with_for_update().execution_options(populate_existing=True)
    state = session.scalar(statement)
    if state is None:
        # Where another makes it in this moment, it is there afterwards, and is waited for.
        with suppress(IntegrityError), session.begin_nested():
            session.add(SummaryState())
        state = session.scalars(statement).one()
    return state


def _new_days(session: AnySession, state: SummaryState, today: date) -> Piece | None:
    begin = first_day(session, today) if state.counted_to is None else state.counted_to + DAY
    if begin > today:
        return None
    until = min(begin + PIECE, today)
    rows = _store(session, begin, until)
    state.counted_to = until
    return Piece(until, rows=rows)


def _due_days(session: AnySession, today: date) -> Piece | None:
    """Count the earliest days that are due; a note whose days reach further than a piece is shortened to the rest."""
    notes = session.scalars(select(SummaryDue).order_by(SummaryDue.first_on, SummaryDue.id).limit(MOST_DUE)).all()
    if not notes:
        return None
    first, last = _span(notes, today)
    rows = _store(session, first, last) if first <= last else 0
    done = [note for note in notes if note.first_on > today or _end(note, today) <= last]
    _make_stale(session, done)
    for note in notes:
        if note in done:
            session.delete(note)
        elif note.first_on <= last:
            note.first_on = last + DAY
    return Piece(last, rows=rows, due=len(done))


def _span(notes: Sequence[SummaryDue], today: date) -> tuple[date, date]:
    """The first days that are due without a gap, and no more of them than a piece has; none where all are to come."""
    first = notes[0].first_on
    last = _end(notes[0], today)
    for note in notes:
        if note.first_on > last + DAY:
            break
        last = max(last, _end(note, today))
    return first, min(last, first + PIECE)


def _end(note: SummaryDue, today: date) -> date:
    # Days to come are counted when they have come.
    return today if note.last_on is None else min(note.last_on, today)


def _store(session: AnySession, first: date, last: date) -> int:
    found = counted_days(session, first, last)
    session.execute(
        delete(FormDay).where(FormDay.date.between(first, last)), execution_options={"synchronize_session": False}
    )
    return add_days(session, found)


def add_days(session: AnySession, found: Mapping[Key, Mapping[str, int]]) -> int:
    """Write the figures of forms and days that have no row, in the order of their keys; how many."""
    moment = clock.now()
    rows = [
        {
            **{name: figures[name] for name in FIGURES},
            **{"date": on, "place": place, "form_id": place if place != NO_FORM else None, "computed_at": moment},
        }
        for (on, place), figures in sorted(found.items(), key=lambda one: (one[0][1], one[0][0]))
    ]
    if rows:
        session.execute(insert(FormDay), rows)
    return len(rows)


def _make_stale(session: AnySession, notes: Sequence[SummaryDue]) -> None:
    if notes:
        stale = update(StudentFigures).where(concerned_by(notes)).values(is_stale=True)
        session.execute(stale, execution_options={"synchronize_session": False})


def concerned_by(notes: Sequence[SummaryDue]) -> ColumnElement[bool]:
    """The condition on StudentFigures that what is noted, as one thing or more, may have changed them."""
    students = {note.student_id for note in notes if note.student_id is not None}
    forms = {note.form_id for note in notes if note.form_id is not None}
    if any(note.student_id is None and note.form_id is None for note in notes):
        return true()
    in_forms = select(Enrolment.student_id).where(Enrolment.form_id.in_(forms))
    return or_(StudentFigures.student_id.in_(students), StudentFigures.student_id.in_(in_forms))


def _students(session: AnySession, today: date) -> Piece | None:
    waiting = or_(StudentFigures.student_id.is_(None), StudentFigures.is_stale, StudentFigures.as_of < today)
    ids = session.scalars(
        select(Student.id)
        .join(StudentFigures, StudentFigures.student_id == Student.id, isouter=True)
        .where(Student.is_active, waiting)
        .order_by(Student.id)
        .limit(MOST_STUDENTS)
    ).all()
    if not ids:
        return None
    return Piece(today, students=count_students(session, ids, today=today))


def count_students(session: AnySession, ids: Collection[int], *, today: date, known: Known | None = None) -> int:
    """Count the figures of some students, one or more, anew, from what is known of them already or not; how many."""
    rows = counted_students(session, ids, as_of=today, known=known)
    session.execute(
        delete(StudentFigures).where(StudentFigures.student_id.in_(ids)),
        execution_options={"synchronize_session": False},
    )
    session.execute(insert(StudentFigures), rows)
    return len(rows)
