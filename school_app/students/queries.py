"""Lists of students, and the search for them by name.

students/ itself, and the features above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core import paging
from school_app.schools.models import Form
from school_app.students.access import Reach
from school_app.students.models import Guardian, Student, StudentGuardian

AnySession = Session | scoped_session[Any]
PAGE = 60
NAMES = (Student.family_name, Student.given_name, Student.id)
SHORTEST_SEARCH = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """A student with the name of the present form, or None."""

    student: Student
    form_name: str | None


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
    page = paging.page(rows, PAGE, lambda row: (row[0].family_name, row[0].given_name, row[0].id))
    return paging.Page([Listed(row[0], row[1]) for row in page.rows], page.next)


def is_too_short(text: str) -> bool:
    """Whether too much would begin with a text; a name of one letter is a whole name in other scripts than this."""
    return not text.strip() or (len(text.strip()) < SHORTEST_SEARCH and text.isascii())


def search_students(session: AnySession, reach: Reach, text: str, *, limit: int) -> list[Listed]:
    """The students in reach whose names begin with the words of a text, in any order; at most `limit`."""
    words = text.split()[:4]
    if is_too_short(text):
        return []
    each = [or_(starts_with(Student.family_name, word), starts_with(Student.given_name, word)) for word in words]
    statement = _listed().where(reach.students(), *each)
    rows = session.execute(
        statement.order_by(Student.is_active.desc(), Student.family_name, Student.given_name, Student.id).limit(limit)
    )
    return [Listed(student, form) for student, form in rows]


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
    return list(
        session.scalars(
            select(Guardian)
            .join(StudentGuardian, StudentGuardian.guardian_id == Guardian.id)
            .where(StudentGuardian.student_id == student_id)
            .order_by(Guardian.family_name, Guardian.id)
        )
    )


def _listed() -> Any:
    return select(Student, Form.name).join(Form, Form.id == Student.form_id, isouter=True)
