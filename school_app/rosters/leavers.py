"""Students whom a roster no longer lists.

rosters.service calls it, after everything else.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from school_app.rosters.endings import end_all, holds_from
from school_app.rosters.roster import Roster
from school_app.students.models import Enrolment, Student, TeachingGroupMember

PLACES: tuple[Any, ...] = (Enrolment, TeachingGroupMember)


def let_students_go(roster: Roster) -> None:
    """Say of every active student who is not listed that they have left; their places end the day before today.

    Who answered for them stays known. Whoever is listed again is active again, with the places that are listed.
    """
    students = roster.session.scalars(select(Student).where(Student.sourced_id.is_not(None))).all()
    gone = [one for one in students if one.sourced_id not in roster.students]
    left = [one for one in gone if one.is_active]
    for student in left:
        student.is_active = False
    roster.counts.note("ended", "student", len(left))
    ids = {one.id for one in gone}
    for model in PLACES:
        places = roster.session.scalars(select(model).where(holds_from(model, roster)))
        ended = [one for one in places if one.student_id in ids]
        end_all(roster, ended)
        if ended:
            roster.moved.append(roster.target.today)
