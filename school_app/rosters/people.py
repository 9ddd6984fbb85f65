"""The people of a roster: students, who answers for them, and the accounts of staff.

rosters.service calls it, after the classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from school_app.accounts.models import Account, AccountStatus
from school_app.rosters import records
from school_app.rosters.problems import Problems
from school_app.rosters.roster import Roster
from school_app.students.models import Guardian, Student, StudentGuardian


def bring_people(roster: Roster) -> None:
    """Bring in students, guardians and accounts, and which guardian answers for which student."""
    roster.students = roster.merge(Student, _student_rows(roster))
    homes = roster.merge(Guardian, _guardian_rows(roster))
    staff = [_account_row(roster, one) for one in roster.listed_staff()]
    accounts = roster.merge(Account, staff, only_new=("login", "status"))
    roster.accounts = {one["sourced_id"]: accounts[one["sourced_id"]] for one in staff}
    rows = [{"student_id": student, "guardian_id": home} for student, home in sorted(_links(roster, homes))]
    roster.merge(StudentGuardian, rows, key=("student_id", "guardian_id"))


def _student_rows(roster: Roster) -> Iterator[dict[str, Any]]:
    born = {one.user: one for _, one in records.demographics(roster.bundle, Problems())}
    for one in roster.listed_users():
        if one.role == "student":
            known = born.get(one.sourced_id)
            yield {
                "sourced_id": one.sourced_id,
                "given_name": one.given_name,
                "middle_name": one.middle_name or None,
                "family_name": one.family_name,
                "birth_date": known.birth_date if known else None,
                "sex": (known.sex or None) if known else None,
                "year_group_id": roster.groups.get(one.grades[0]) if one.grades else None,
                "is_active": one.is_active,
            }


def _guardian_rows(roster: Roster) -> Iterator[dict[str, Any]]:
    for one in roster.listed_users():
        if one.role in records.HOME_ROLES:
            yield {
                "sourced_id": one.sourced_id,
                "given_name": one.given_name,
                "family_name": one.family_name,
                "role": one.role,
                "email": one.email or None,
                "phone": one.phone or None,
                "is_active": one.is_active,
            }


def _account_row(roster: Roster, one: records.User) -> dict[str, Any]:
    return {
        "sourced_id": one.sourced_id,
        "login": f"{one.username or one.sourced_id}@{roster.target.slug}".lower(),
        "email": one.email or None,
        "given_name": one.given_name,
        "family_name": one.family_name,
        "status": AccountStatus.INVITED,
    }


def _links(roster: Roster, homes: dict[Any, int]) -> set[tuple[int, int]]:
    links = set()
    for one in roster.listed_users():
        for other in one.agents:
            pair = (one.sourced_id, other) if one.role == "student" else (other, one.sourced_id)
            if pair[0] in roster.students and pair[1] in homes:
                links.add((roster.students[pair[0]], homes[pair[1]]))
    return links
