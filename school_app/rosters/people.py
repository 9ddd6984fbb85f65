"""The people of a roster: students, who answers for them, and the accounts of staff.

rosters.service calls it, after the classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select

from school_app.accounts.models import Account, AccountStatus
from school_app.rosters.names import free_login
from school_app.rosters.records import Demographics, Kind
from school_app.rosters.roster import Roster
from school_app.students.models import Guardian, Student, StudentGuardian


def bring_people(roster: Roster) -> None:
    """Bring in students, guardians and accounts, and which guardian answers for which student."""
    roster.students = _bring(roster, Student, _student_rows(roster))
    roster.accounts = _bring(roster, Account, _account_rows(roster), only_new=("login", "email", "status"))
    homes = _bring(roster, Guardian, _guardian_rows(roster))
    _let_guardians_go(roster, homes)
    _link(roster, homes)


def _bring(roster: Roster, model: Any, rows: Iterable[dict[str, Any]], **options: Any) -> dict[str, int]:
    """Bring in people of one kind; the ids of those who are listed, by the bundle's own."""
    listed = list(rows)
    ids = roster.merge(model, listed, **options)
    return {one["sourced_id"]: ids[one["sourced_id"]] for one in listed}


def _let_guardians_go(roster: Roster, homes: dict[str, int]) -> None:
    known = select(Guardian).where(Guardian.sourced_id.is_not(None), Guardian.is_active)
    gone = [one for one in roster.session.scalars(known) if one.sourced_id not in homes]
    for guardian in gone:
        guardian.is_active = False
    roster.counts.note("ended", "guardian", len(gone))


def _link(roster: Roster, homes: dict[str, int]) -> None:
    """Say who answers for whom. Who answers no longer for a student of the school is no contact of theirs."""
    links = _links(roster, homes)
    rows = [{"student_id": student, "guardian_id": home} for student, home in sorted(links)]
    roster.merge(StudentGuardian, rows, key=("student_id", "guardian_id"))
    present = set(roster.students.values())
    known = (
        select(StudentGuardian)
        .join(Guardian, Guardian.id == StudentGuardian.guardian_id)
        .where(Guardian.sourced_id.is_not(None))
    )
    for one in roster.session.scalars(known).all():
        if one.student_id in present and (one.student_id, one.guardian_id) not in links:
            roster.session.delete(one)
            roster.counts.note("ended", "student_guardian")
    roster.session.flush()


def _student_rows(roster: Roster) -> Iterator[dict[str, Any]]:
    born = {one.user: one for _, one in roster.part.rows(Demographics)}
    for one in roster.listed_users(Kind.STUDENT):
        known = born.get(one.sourced_id)
        yield {
            "sourced_id": one.sourced_id,
            "given_name": one.given_name,
            "middle_name": one.middle_name or None,
            "family_name": one.family_name,
            "birth_date": known.birth_date if known else None,
            "sex": (known.sex or None) if known else None,
            "year_group_id": roster.groups.get(one.grades[0]) if one.grades else None,
            "is_active": True,
        }


def _guardian_rows(roster: Roster) -> Iterator[dict[str, Any]]:
    for one in roster.listed_users(Kind.HOME):
        yield {
            "sourced_id": one.sourced_id,
            "given_name": one.given_name,
            "family_name": one.family_name,
            "role": one.role,
            "email": one.email or None,
            "phone": one.phone or None,
            "is_active": True,
        }


def _account_rows(roster: Roster) -> Iterator[dict[str, Any]]:
    accounts = roster.session.scalars(select(Account)).all()
    logins, taken = {one.sourced_id: one.login for one in accounts}, {one.login for one in accounts}
    for one in roster.listed_staff():
        login = logins.get(one.sourced_id) or free_login(one.username or one.sourced_id, roster.target.slug, taken)
        taken.add(login)
        yield {
            "sourced_id": one.sourced_id,
            "login": login,
            "email": one.email or None,
            "given_name": one.given_name,
            "family_name": one.family_name,
            "status": AccountStatus.INVITED,
        }


def _links(roster: Roster, homes: dict[str, int]) -> set[tuple[int, int]]:
    """Students and who answers for them, whichever of the two says so."""
    pairs = {(one.sourced_id, other) for one in roster.listed_users(Kind.STUDENT) for other in one.agents}
    pairs |= {(other, one.sourced_id) for one in roster.listed_users(Kind.HOME) for other in one.agents}
    return {
        (roster.students[student], homes[home])
        for student, home in pairs
        if student in roster.students and home in homes
    }
