"""Which students are in which form and class, from day to day, by a roster.

rosters.service calls it, after the people; rosters.rules decides who is where.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import insert, select

from school_app.rosters import records
from school_app.rosters.brake import brake_places
from school_app.rosters.endings import end_unlisted, later
from school_app.rosters.merge import BATCH
from school_app.rosters.roster import REASON, Roster
from school_app.rosters.rules import DAY, Moves, Stay, moves
from school_app.students.models import Enrolment, Student, TeachingGroupMember


def bring_places(roster: Roster) -> None:
    """Bring in the students' places in forms and classes, and end those that are listed no longer."""
    starts = {one.sourced_id: roster.span(one)[0] for one in roster.listed_classes()}
    stays: dict[int, list[Stay]] = defaultdict(list)
    members: dict[tuple[int, int], dict[str, Any]] = {}
    for line, one in roster.listed_enrolments():
        if one.role == "student" and one.user in roster.students:
            if one.class_id in roster.forms:
                stays[roster.students[one.user]].append(_stay(roster, line, one, starts))
            else:
                _add_member(roster, one, starts, members)
    _forms(roster, stays)
    ids = roster.merge(TeachingGroupMember, members.values(), key=("teaching_group_id", "student_id"))
    end_unlisted(roster, TeachingGroupMember, {ids[place] for place in members})


def _stay(roster: Roster, line: int, one: records.Enrolment, starts: dict[str, date]) -> Stay:
    first = one.begins_on or starts[one.class_id]
    return Stay(roster.forms[one.class_id], first, one.ends_on, one.sourced_id, line=line)


def _add_member(
    roster: Roster, one: records.Enrolment, starts: dict[str, date], members: dict[tuple[int, int], dict[str, Any]]
) -> None:
    place = (roster.classes[one.class_id], roster.students[one.user])
    row: dict[str, Any] = {
        "sourced_id": one.sourced_id,
        "teaching_group_id": place[0],
        "student_id": place[1],
        "starts_on": one.begins_on or starts[one.class_id],
        "ends_on": one.ends_on,
    }
    # Somebody who left a class and came back has one place, from the first day to the last.
    before = members.setdefault(place, row)
    before["starts_on"] = min(before["starts_on"], row["starts_on"])
    before["ends_on"] = later(before["ends_on"], row["ends_on"])


def _forms(roster: Roster, stays: dict[int, list[Stay]]) -> None:
    """Move students between forms, each decided by itself; what is new goes in together."""
    ids = set(roster.students.values())
    students = [one for one in roster.session.scalars(select(Student)) if one.id in ids]
    brake_places(roster, students, placed=stays.keys())
    kept: dict[int, list[Enrolment]] = defaultdict(list)
    for place in roster.session.scalars(select(Enrolment)):
        kept[place.student_id].append(place)
    fresh: list[dict[str, Any]] = []
    for student in students:
        found = moves(stays[student.id], [_kept(one) for one in kept[student.id]], today=roster.target.today)
        roster.moved += _moved(found, kept[student.id])
        _apply(roster, found, {one.id: one for one in kept[student.id]})
        fresh += [{**_values(one), "student_id": student.id} for one in found.stays if not one.id]
        if student.form_id != found.form_id:
            student.form_id = found.form_id
    # What is taken away or ended makes room for what is new.
    roster.session.flush()
    for start in range(0, len(fresh), BATCH):
        batch = fresh[start : start + BATCH]
        roster.session.execute(insert(Enrolment), batch, execution_options={"audit_reason": REASON})
    roster.counts.note("added", "enrolment", len(fresh))


def _moved(found: Moves, kept: list[Enrolment]) -> Iterator[date]:
    """The first days of every stay that is new, other than it was, or no more."""
    before = {one.id: _kept(one) for one in kept}
    for stay in (*found.stays, *found.ended, *found.removed):
        old = before.get(stay.id)
        if old is None or stay in found.removed:
            yield stay.starts_on
        elif (old.starts_on, old.form_id) != (stay.starts_on, stay.form_id):
            yield min(old.starts_on, stay.starts_on)
        elif old.ends_on != stay.ends_on:
            yield min(old.last, stay.last) + DAY


def _kept(one: Enrolment) -> Stay:
    return Stay(one.form_id, one.starts_on, one.ends_on, one.sourced_id, id=one.id)


def _values(stay: Stay) -> dict[str, Any]:
    return {
        "form_id": stay.form_id,
        "starts_on": stay.starts_on,
        "ends_on": stay.ends_on,
        "sourced_id": stay.sourced_id,
    }


def _apply(roster: Roster, found: Moves, kept: dict[int, Enrolment]) -> None:
    for stay in found.removed:
        roster.session.delete(kept[stay.id])
    for stay in found.ended:
        kept[stay.id].ends_on = stay.ends_on
    roster.counts.note("ended", "enrolment", len(found.removed) + len(found.ended))
    for stay in (one for one in found.stays if one.id):
        values = {name: value for name, value in _values(stay).items() if getattr(kept[stay.id], name) != value}
        for name, value in values.items():
            setattr(kept[stay.id], name, value)
        roster.counts.note("changed" if values else "unchanged", "enrolment")
    for line in found.cut:
        message, remedy = "The student is in two forms on one day.", "The place that begins later counts from then."
        roster.problems.warning("enrollments.csv", line, "classSourcedId", message=message, remedy=remedy)
