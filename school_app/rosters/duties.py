"""What staff do by a roster: whose form they are master of, which classes they teach, and the roles that follow.

rosters.service calls it, after the people.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from school_app.accounts.models import AccountRole
from school_app.core.permissions import Role
from school_app.rosters import records
from school_app.rosters.roster import Roster
from school_app.schools.models import FormMaster, TeachingGroupTeacher


def bring_duties(roster: Roster) -> None:
    """Bring in the masters of forms and the teachers of classes, and their roles."""
    starts = {one.sourced_id: roster.span(one)[0] for one in roster.listed_classes()}
    rows = [one for one in roster.listed_enrolments() if one.role == "teacher" and one.user in roster.accounts]
    of_forms = [one for one in rows if one.class_id in roster.forms]
    of_classes = [one for one in rows if one.class_id in roster.classes]
    roster.merge(
        FormMaster,
        _once(roster, of_forms, starts, "form_id", roster.forms),
        key=("form_id", "account_id", "starts_on"),
    )
    roster.merge(
        TeachingGroupTeacher,
        _once(roster, of_classes, starts, "teaching_group_id", roster.classes),
        key=("teaching_group_id", "account_id"),
    )
    _roles(roster, of_forms, rows)


def _once(
    roster: Roster, rows: list[records.Enrolment], starts: dict[str, date], column: str, ids: dict[Any, int]
) -> list[dict[str, Any]]:
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for one in rows:
        place = (ids[one.class_id], roster.accounts[one.user])
        found.setdefault(
            place,
            {
                column: place[0],
                "account_id": place[1],
                "is_primary": one.is_primary,
                "starts_on": one.begins_on or starts[one.class_id],
                "ends_on": one.ends_on,
            },
        )
    return list(found.values())


def _roles(roster: Roster, of_forms: list[records.Enrolment], rows: list[records.Enrolment]) -> None:
    # What a person teaches gives the role; what a roster calls somebody, such as administrator, gives no right.
    pairs = {(roster.accounts[one.user], Role.FORM_MASTER) for one in of_forms}
    pairs |= {(roster.accounts[one.user], Role.TEACHER) for one in rows}
    roles = [{"account_id": account, "role": role} for account, role in sorted(pairs)]
    roster.merge(AccountRole, roles, key=("account_id", "role"))
