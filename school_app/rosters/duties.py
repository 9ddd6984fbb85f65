"""What staff do by a roster: whose form they are master of, which classes they teach, and the roles that follow.

rosters.service calls it, after the people.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from school_app.accounts.models import AccountRole
from school_app.core.permissions import Role
from school_app.rosters import records
from school_app.rosters.endings import end_unlisted, later
from school_app.rosters.roster import Roster
from school_app.schools.models import FormMaster, TeachingGroupTeacher


def bring_duties(roster: Roster) -> None:
    """Bring in the masters of forms and the teachers of classes, and their roles."""
    starts = {one.sourced_id: roster.span(one)[0] for one in roster.listed_classes()}
    rows = [one for _, one in roster.listed_enrolments() if one.role == "teacher" and one.user in roster.accounts]
    of_forms = [one for one in rows if one.class_id in roster.forms]
    of_classes = [one for one in rows if one.class_id in roster.classes]
    masters = _duties(roster, of_forms, starts, "form_id", roster.forms)
    _bring(roster, FormMaster, masters, ("form_id", "account_id", "starts_on"))
    teachers = _duties(roster, of_classes, starts, "teaching_group_id", roster.classes)
    _bring(roster, TeachingGroupTeacher, teachers, ("teaching_group_id", "account_id"))
    _roles(roster, of_forms, rows)


def _bring(roster: Roster, model: Any, rows: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    """Bring in the duties of one kind, each key once, from its first day to its last; end those listed no longer."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        before = found.setdefault(tuple(row[name] for name in key), row)
        before["starts_on"] = min(before["starts_on"], row["starts_on"])
        before["ends_on"] = later(before["ends_on"], row["ends_on"])
        before["is_primary"] = before["is_primary"] or row["is_primary"]
    ids = roster.merge(model, found.values(), key=key)
    end_unlisted(roster, model, {ids[place] for place in found})


def _duties(
    roster: Roster, rows: list[records.Enrolment], starts: dict[str, date], column: str, ids: dict[Any, int]
) -> list[dict[str, Any]]:
    return [
        {
            "sourced_id": one.sourced_id,
            column: ids[one.class_id],
            "account_id": roster.accounts[one.user],
            "is_primary": one.is_primary,
            "starts_on": one.begins_on or starts[one.class_id],
            "ends_on": one.ends_on,
        }
        for one in rows
    ]


def _roles(roster: Roster, of_forms: list[records.Enrolment], rows: list[records.Enrolment]) -> None:
    # What a person teaches gives the role; what a roster calls somebody, such as administrator, gives no right.
    pairs = {(roster.accounts[one.user], Role.FORM_MASTER) for one in of_forms}
    pairs |= {(roster.accounts[one.user], Role.TEACHER) for one in rows}
    roles = [{"account_id": account, "role": role} for account, role in sorted(pairs)]
    roster.merge(AccountRole, roles, key=("account_id", "role"))
