"""Lists of students, and the search for them by name.

students/ itself, and the features above it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, case, or_, select, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.core import paging
from school_app.core.lasting import lasting
from school_app.schools.models import Form
from school_app.students import spelling
from school_app.students.access import Reach
from school_app.students.models import (
    Enrolment,
    Guardian,
    NameEntry,
    Student,
    StudentGuardian,
    student_name,
    student_sort_name,
)

AnySession = Session | scoped_session[Any]
PAGE = 60
NAMES = (Student.family_name, Student.given_name, Student.id)
SHORTEST_SEARCH = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """A student as a list shows them; `form_name` is that of the present form, or None."""

    id: int
    sort_name: str
    birth_date: date | None
    form_name: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search tells of a student."""

    id: int
    given_name: str
    family_name: str
    is_active: bool
    form_name: str | None

    @property
    def name(self) -> str:
        return student_name(self.given_name, self.family_name)


@dataclass(frozen=True, slots=True)
class FormStudent:
    """A student of a form, as the pages about the whole of it need them."""

    id: int
    given_name: str
    family_name: str
    birth_date: date | None

    @property
    def name(self) -> str:
        return student_name(self.given_name, self.family_name)


@dataclass(frozen=True, slots=True)
class Seat:
    """A student's place in a form from a day to a day (None: until further notice), and where the student is now."""

    student: FormStudent
    starts_on: date
    ends_on: date | None
    form_id: int | None
    is_active: bool

    def holds_on(self, day: date) -> bool:
        """Whether the student has the place on a day."""
        return self.starts_on <= day and (self.ends_on is None or self.ends_on >= day)


def seats_of_form(session: AnySession, form_id: int, first: date, last: date) -> list[Seat]:
    """The places in a form that somebody had between two days, by the students' names; one statement."""
    rows = session.execute(SEATS, {"form_id": form_id, "first": first, "last": last})
    return [Seat(FormStudent(*row[:4]), *row[4:]) for row in rows]


def seated_on(seats: Iterable[Seat], on: date) -> list[FormStudent]:
    """The students who have one of some places on a day, each once, in the order of the places."""
    return list({seat.student.id: seat.student for seat in seats if seat.holds_on(on)}.values())


def students_of_form(session: AnySession, form_id: int, on: date) -> list[FormStudent]:
    """The students who have a place in a form on a day, by name; one statement."""
    return seated_on(seats_of_form(session, form_id, on, on), on)


SEATS = lasting(
    select(*(Student.id, Student.given_name, Student.family_name, Student.birth_date))
    .add_columns(Enrolment.starts_on, Enrolment.ends_on, Student.form_id, Student.is_active)
    .join(Enrolment, Enrolment.student_id == Student.id)
    .where(
        Enrolment.form_id == bindparam("form_id"),
        Enrolment.starts_on <= bindparam("last"),
        or_(Enrolment.ends_on.is_(None), Enrolment.ends_on >= bindparam("first")),
    )
    .order_by(*NAMES)
)


def starts_with(column: Any, text: str) -> ColumnElement[bool]:
    """The condition that a text begins so, whatever wildcards it holds; folded as the collation does."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found: ColumnElement[bool] = column.like(f"{escaped}%", escape="\\")
    return found


def students(
    session: AnySession, reach: Reach, *, form_id: int | None = None, active: bool = True, cursor: str | None = None
) -> paging.Page[Listed]:
    """A page of the students in reach by name, perhaps of one form."""
    statement = _listed().where(reach.students(), Student.is_active.is_(active))
    if form_id is not None:
        statement = statement.where(Student.form_id == form_id)
    if cursor:
        statement = statement.where(paging.ahead(NAMES, paging.decode(cursor, str, str, int)))
    rows = session.execute(statement.order_by(*NAMES).limit(PAGE + 1)).all()
    page = paging.page(rows, PAGE, lambda row: (row.family_name, row.given_name, row.id))
    return paging.Page([_line(row) for row in page.rows], page.next)


def _line(row: Any) -> Listed:
    return Listed(row.id, student_sort_name(row.given_name, row.family_name), row.birth_date, row.form_name)


def is_too_short(text: str) -> bool:
    """Whether too much but students would begin with a text; one letter is a whole name in other scripts than this."""
    return not text.strip() or (len(text.strip()) < SHORTEST_SEARCH and text.isascii())


def search_students(session: AnySession, reach: Reach, text: str, *, limit: int) -> list[Found]:
    """The students in reach whose names begin with the words of a text, in any order; `limit` at most, one statement.

    Where in the name the longest of the words stands decides who comes first: who bears it whole, then those whose
    family name, given name, or another of their names begins with it; in each of these leavers come last.
    """
    sought = spelling.searched(text)
    if sought is None:
        return []
    others = {f"inside_{number}": f"% {word}%" for number, word in enumerate(sought.others)}
    values = {"word": sought.first, "begins": f"{sought.first}%", "whole": f"{sought.first} %", **others}
    statement = _in_whole_school(len(others)) if reach.everyone else _in_reach(reach, len(others))
    students: dict[int, Found] = {}
    # A name that has several such words is found by each of them.
    for row in session.execute(statement, {**values, "most": limit, "twice": 2 * limit}):
        students.setdefault(row.id, Found(*row))
    return list(students.values())[:limit]


@lru_cache(maxsize=spelling.MOST_WORDS)
def _in_whole_school(others: int) -> Select[Any]:
    """Of each part of the index, which is in this order, no more than is shown. Kept, since it takes long to build."""
    parts = [
        select(
            select(NameEntry.student_id, _place().label("place"), NameEntry.name)
            # “IS TRUE” keeps MariaDB from seeking in the index; an equation does not.
            .where(NameEntry.part == part, NameEntry.is_active == is_active, *_fits(others))
            .order_by(NameEntry.name)
            .limit(bindparam("most", type_=Integer))
            .subquery()
        )
        for part in spelling.Part
        for is_active in (True, False)
    ]
    first = union_all(*parts).subquery()
    return _listed_by(first, first.c, first.c.place)


def _in_reach(reach: Reach, others: int) -> Select[Any]:
    """All that the students of some forms have, sorted: they are few, and may stand anywhere in the index."""
    # Only where all columns before the name are given can a server seek in the index instead of reading all students.
    anywhere = (NameEntry.part.in_(list(spelling.Part)), NameEntry.is_active.in_((True, False)))
    return _listed_by(NameEntry, NameEntry, _place()).where(reach.students(), *anywhere, *_fits(others))


def _place() -> Any:
    """How well an entry fits: 0 where it begins with the whole word, or else its part."""
    is_whole = or_(NameEntry.name == bindparam("word"), NameEntry.name.like(bindparam("whole")))
    return case((is_whole, 0), else_=NameEntry.part)


def _fits(others: int) -> list[ColumnElement[bool]]:
    """That an entry begins with the longest word sought, and holds so many other words' beginnings.

    What is sought is folded, and so holds no wildcards of its own.
    """
    names = ("begins", *(f"inside_{number}" for number in range(others)))
    return [NameEntry.name.like(bindparam(name)) for name in names]


def _listed_by(entries: Any, columns: Any, place: Any) -> Any:
    """The students of some entries with these columns, those first whose names fit best."""
    statement: Any = (
        select(Student.id, Student.given_name, Student.family_name, Student.is_active, Form.name)
        .join(entries, columns.student_id == Student.id)
        .join(Form, Form.id == Student.form_id, isouter=True)
        .order_by(place, Student.is_active.desc(), columns.name, Student.id)
        .limit(bindparam("twice", type_=Integer))
    )
    return statement


def search_forms(session: AnySession, reach: Reach, text: str, *, limit: int) -> list[Form]:
    """The active forms in reach whose name begins with a text."""
    return list(
        session.scalars(
            select(Form)
            .where(reach.forms(), Form.is_active, starts_with(Form.name, text.strip()))
            .order_by(Form.name, Form.id)
            .limit(limit)
        )
    )


def guardians_of(session: AnySession, student_id: int) -> list[Guardian]:
    """Who answers for a student."""
    return list(session.scalars(GUARDIANS, {"student_id": student_id}))


GUARDIANS = lasting(
    select(Guardian)
    .join(StudentGuardian, StudentGuardian.guardian_id == Guardian.id)
    .where(StudentGuardian.student_id == bindparam("student_id"))
    .order_by(Guardian.family_name, Guardian.id)
)


def _listed() -> Any:
    columns = (*NAMES, Student.birth_date, Form.name.label("form_name"))
    return select(*columns).join(Form, Form.id == Student.form_id, isouter=True)
