"""The brake: a roster that would take away more people or places than is likely to be meant changes nothing.

rosters.service and rosters.places call it.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from sqlalchemy import select

from school_app.accounts.models import Account, AccountStatus
from school_app.core.errors import DomainError
from school_app.rosters.roster import Roster
from school_app.students.models import Student

NAMED = 5
# A school of ten loses one or two of its staff at the end of any year, and nobody is asked.
FEW_STAFF = 3


class ImportBrake(DomainError):
    """A roster would take away more people than is likely to be meant; str() says how many."""


def brake(roster: Roster) -> None:
    """Raise ImportBrake where the roster lists too few of the active students, or of the staff who may log in."""
    if roster.target.force:
        return
    students = roster.session.scalars(select(Student).where(Student.is_active, Student.sourced_id.is_not(None))).all()
    listed = roster.listed_students()
    _refuse_many(roster, "students", students, [one for one in students if one.sourced_id not in listed])
    enabled = select(Account).where(Account.sourced_id.is_not(None), Account.status != AccountStatus.DISABLED)
    staff = roster.session.scalars(enabled).all()
    listed = {one.sourced_id for one in roster.listed_staff()}
    departed = [one for one in staff if one.sourced_id not in listed]
    if len(departed) > FEW_STAFF:
        _refuse_many(roster, "members of staff", staff, departed)


def brake_places(roster: Roster, students: Sequence[Student], *, placed: Container[int]) -> None:
    """Raise ImportBrake where the roster puts too few of the students who are in a form into one."""
    if not roster.target.force:
        students = [one for one in students if one.form_id is not None]
        lost = [one for one in students if one.id not in placed]
        _refuse_many(roster, "students’ places in a form", students, lost)


def _refuse_many(roster: Roster, what: str, everybody: Sequence[Any], gone: Sequence[Any]) -> None:
    share = 100 * len(gone) / len(everybody) if everybody else 0.0
    if share > roster.target.brake_percent:
        names = ", ".join(one.name for one in gone[:NAMED])
        raise ImportBrake(
            f"This roster would take away {len(gone)} of {len(everybody)} {what} ({share:.0f} %), among them {names}. "
            f"More than {roster.target.brake_percent:g} % at once is refused: look at the file, and force it if it is "
            "right."
        )
