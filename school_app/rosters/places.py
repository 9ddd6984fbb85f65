"""Which students are in which form and class, from day to day, by a roster.

rosters.service calls it, after the people.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import select

from school_app.rosters import records
from school_app.rosters.endings import later
from school_app.rosters.roster import Roster
from school_app.students.models import Enrolment, Student, TeachingGroupMember


def bring_places(roster: Roster) -> None:
    """Bring in the students' places in forms and classes, and the form that each is in."""
    starts = {one.sourced_id: roster.span(one)[0] for one in roster.listed_classes()}
    rows = [one for one in roster.listed_enrolments() if one.role == "student" and one.user in roster.students]
    in_forms = [one for one in rows if one.class_id in roster.forms]
    roster.merge(Enrolment, _in_forms(roster, in_forms, starts))
    in_classes = [one for one in rows if one.class_id in roster.classes]
    roster.merge(TeachingGroupMember, _members(roster, in_classes, starts), key=("teaching_group_id", "student_id"))
    _present_forms(roster, in_forms)


def _in_forms(roster: Roster, rows: list[records.Enrolment], starts: dict[str, date]) -> Iterator[dict[str, Any]]:
    for one in rows:
        yield {
            "sourced_id": one.sourced_id,
            "student_id": roster.students[one.user],
            "form_id": roster.forms[one.class_id],
            "starts_on": one.begins_on or starts[one.class_id],
            "ends_on": one.ends_on,
        }


def _members(roster: Roster, rows: list[records.Enrolment], starts: dict[str, date]) -> list[dict[str, Any]]:
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for one in rows:
        place = (roster.classes[one.class_id], roster.students[one.user])
        row: dict[str, Any] = {
            "sourced_id": one.sourced_id,
            "teaching_group_id": place[0],
            "student_id": place[1],
            "starts_on": one.begins_on or starts[one.class_id],
            "ends_on": one.ends_on,
        }
        # Somebody who left a class and came back has one place, from the first day to the last.
        before = found.setdefault(place, row)
        before["starts_on"] = min(before["starts_on"], row["starts_on"])
        before["ends_on"] = later(before["ends_on"], row["ends_on"])
    return list(found.values())


def _present_forms(roster: Roster, rows: list[records.Enrolment]) -> None:
    latest: dict[str, records.Enrolment] = {}
    for one in rows:
        before = latest.get(one.user)
        if before is None or (one.begins_on or date.min) >= (before.begins_on or date.min):
            latest[one.user] = one
    for student in roster.session.scalars(select(Student)):
        place = latest.get(student.sourced_id or "")
        form_id = roster.forms[place.class_id] if place else None
        if place is not None and student.form_id != form_id:
            student.form_id = form_id
    roster.session.flush()
