"""The index by which students are found by name: brought up to date, or compared, for the session's school.

Whoever has added, renamed or let go students calls refresh_names() in the same transaction, and commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session, scoped_session

from school_app.students.models import NameEntry, Student
from school_app.students.spelling import entries

AnySession = Session | scoped_session[Any]
BATCH = 2_000
Kept = frozenset[tuple[int, bool, str]]


def refresh_names(session: AnySession) -> int:
    """Write the entries that differ from the students' names, and say of how many students; the second time of none."""
    count = 0
    for students in _batches(session):
        wrong = _wrong(session, students)
        if wrong:
            _write(session, wrong)
        count += len(wrong)
    return count


def students_listed_wrongly(session: AnySession) -> int:
    """Of how many students the entries are not those of their names; nothing is written."""
    return sum(len(_wrong(session, students)) for students in _batches(session))


def _batches(session: AnySession) -> Iterator[Sequence[Any]]:
    last = 0
    names = (Student.given_name, Student.middle_name, Student.family_name)
    while True:
        statement = select(Student.id, Student.is_active, *names).where(Student.id > last)
        rows = session.execute(statement.order_by(Student.id).limit(BATCH)).all()
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _wrong(session: AnySession, students: Sequence[Any]) -> dict[int, Kept]:
    """The entries that students of one batch should have, for those of them who have others."""
    stored: dict[int, set[tuple[int, bool, str]]] = defaultdict(set)
    columns = (NameEntry.student_id, NameEntry.part, NameEntry.is_active, NameEntry.name)
    within = NameEntry.student_id.between(students[0].id, students[-1].id)
    for student_id, part, is_active, name in session.execute(select(*columns).where(within)):
        stored[student_id].add((part, is_active, name))
    should = {one.id: _entries_of(one) for one in students}
    return {student_id: kept for student_id, kept in should.items() if kept != stored[student_id]}


def _entries_of(student: Any) -> Kept:
    found = entries(student.given_name, student.middle_name, student.family_name)
    return frozenset((int(one.part), student.is_active, one.name) for one in found)


def _write(session: AnySession, wrong: dict[int, Kept]) -> None:
    session.execute(
        delete(NameEntry).where(NameEntry.student_id.in_(wrong)), execution_options={"synchronize_session": False}
    )
    rows = [
        {"student_id": student_id, "part": part, "is_active": is_active, "name": name}
        for student_id, kept in wrong.items()
        for part, is_active, name in sorted(kept)
    ]
    if rows:
        session.execute(insert(NameEntry), rows)
