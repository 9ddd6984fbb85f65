"""The demo's days: calendar, registers with their absences, marks and incidents.

demo.load alone uses it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, scoped_session

from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState, Source
from school_app.attendance.models import Session as Part
from school_app.behaviour.models import Incident, IncidentKind
from school_app.demo.people import AUDIT, Staffed
from school_app.demo.shared import AWOL, CODES, EXCUSED, LATE
from school_app.marks.models import Assessment, AssessmentResult
from school_app.schools.models import CalendarDay, DayType

AnySession = Session | scoped_session[Any]
Pattern = Callable[[int, date, random.Random], str | None]


def calendar(session: AnySession, first: date, last: date, *, today: date) -> list[date]:
    """Weekdays with school but for two weeks off; today is a school day whatever the weekday, so that there is one
    to look at. Returns the school days up to and including today."""
    rows, days = [], []
    holidays = {first + timedelta(days=49 + day) for day in range(7)} | {
        first + timedelta(110 + day) for day in range(12)
    }
    day = first
    while day <= last:
        off = day in holidays and abs((day - today).days) > 10
        if day == today or day.weekday() < 5:
            is_school = day == today or not off
            kind = DayType.INSTRUCTIONAL if is_school else DayType.HOLIDAY
            rows.append({"date": day, "day_type": kind, "note": None if is_school else "Holidays"})
            if is_school and day <= today:
                days.append(day)
        day += timedelta(days=1)
    session.execute(insert(CalendarDay), rows, execution_options=AUDIT)
    return days


def codes(session: AnySession) -> dict[str, int]:
    """The school's attendance codes; returns their ids by code."""
    rows = [
        {"code": code, "name": name, "category": category, "ordinal": place}
        for place, (code, (name, category)) in enumerate(CODES.items())
    ]
    session.execute(insert(AttendanceCode), rows, execution_options=AUDIT)
    return {code: id_ for code, id_ in session.execute(select(AttendanceCode.code, AttendanceCode.id))}


def _seldom(number: int, day: date, dice: random.Random) -> str | None:
    draw = dice.random()
    if draw < 0.015:
        return EXCUSED
    return LATE if draw < 0.03 else None


def _mondays(number: int, day: date, dice: random.Random) -> str | None:
    return AWOL if day.weekday() == 0 and dice.random() < 0.5 else _seldom(number, day, dice)


def _late(number: int, day: date, dice: random.Random) -> str | None:
    return LATE if dice.random() < 0.25 else _seldom(number, day, dice)


def _ill(number: int, day: date, dice: random.Random) -> str | None:
    return EXCUSED if number % 60 in range(20, 27) else _seldom(number, day, dice)


def _drifting(number: int, day: date, dice: random.Random) -> str | None:
    return AWOL if number < 18 and dice.random() < 0.4 else _seldom(number, day, dice)


def _severe(number: int, day: date, dice: random.Random) -> str | None:
    return AWOL if dice.random() < 0.55 else None


def _gone(number: int, day: date, dice: random.Random) -> str | None:
    return AWOL if number < 4 else _seldom(number, day, dice)


def _back(number: int, day: date, dice: random.Random) -> str | None:
    return EXCUSED if 1 <= number <= 3 else None


def _slipping(number: int, day: date, dice: random.Random) -> str | None:
    return EXCUSED if dice.random() < 0.065 else None


def _mending(number: int, day: date, dice: random.Random) -> str | None:
    return AWOL if number > 20 and dice.random() < 0.3 else None


# Which place in the form has which pattern; everyone else is seldom away. `number` counts school days back from today.
PATTERNS: dict[int, Pattern] = {
    1: _mondays,
    4: _late,
    6: _ill,
    8: _drifting,
    11: _severe,
    13: _gone,
    15: _back,
    17: _slipping,
    19: _slipping,
    21: _mending,
}


def registers(session: AnySession, staffed: Staffed, days: list[date], *, untaken: str, seed: int) -> None:
    """A register for every form and day, with its exceptions; that of the form `untaken` waits to be taken today."""
    by_code = codes(session)
    today = days[-1]
    for name, form in staffed.forms.items():
        dice = random.Random(f"{seed}-{name}")  # noqa: S311 - a demo's dice.
        master = staffed.masters[name]
        rows = [
            {
                "form_id": form.id,
                "date": day,
                "session": Part.DAY,
                "state": RegisterState.TAKEN,
                "source": Source.PERSON,
                "taken_by": master.id,
                "taken_by_name": master.name,
                "taken_at": _at(day, 8, dice.randrange(3, 14)),
            }
            for day in days
            if not (day == today and name == untaken) and dice.random() > 0.01
        ]
        session.execute(insert(Register), rows, execution_options=AUDIT)
        ids = dict(session.execute(select(Register.date, Register.id).where(Register.form_id == form.id)).all())
        marks = list(_marks(staffed, name, days, ids=ids, by_code=by_code, dice=dice))
        session.execute(insert(AttendanceMark), marks, execution_options=AUDIT)


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


def _marks(
    staffed: Staffed,
    form: str,
    days: list[date],
    *,
    ids: dict[date, int],
    by_code: dict[str, int],
    dice: random.Random,
) -> Iterator[dict[str, Any]]:
    for place, student in enumerate(staffed.students[form]):
        pattern = PATTERNS.get(place, _seldom)
        for back, day in enumerate(reversed(days)):
            code = pattern(back, day, dice)
            if code is None or day not in ids or day < staffed.came_on(student):
                continue
            yield {
                "register_id": ids[day],
                "student_id": student.id,
                "date": day,
                "session": Part.DAY,
                "code_id": by_code[code],
                "minutes_late": dice.randrange(3, 40) if code == LATE else None,
                "reason": dice.choice(("ill", "dentist", "family")) if code == EXCUSED else None,
                "recorded_at": _at(day, 8, 15),
            }


def marks(session: AnySession, staffed: Staffed, days: list[date], *, seed: int) -> None:
    """Four assessments of each class in each of two terms, on school days and of those who were there; one student
    fails, one falls between the terms."""
    dice = random.Random(f"{seed}-marks")  # noqa: S311
    for group in staffed.groups:
        students = staffed.students[group.name.rpartition(" ")[2]]
        levels = [dice.gauss(0.74, 0.08) for _ in students]
        for term_number, term in enumerate(staffed.terms[:2]):
            inside = [day for day in days if term.starts_on <= day <= term.ends_on]
            for number in range(4):
                on = inside[int(len(inside) * (number + 0.7) / 5)]
                work = _test(session, group.id, term.id, number=number + 1, on=on)
                rows = [
                    {
                        "assessment_id": work.id,
                        "student_id": student.id,
                        "score": _score(place, group.name, term_number, level=levels[place], dice=dice),
                        "scored_on": on,
                    }
                    for place, student in enumerate(students)
                    if staffed.came_on(student) <= on
                ]
                session.execute(insert(AssessmentResult), rows, execution_options=AUDIT)


def _test(session: AnySession, group_id: int, term_id: int, *, number: int, on: date) -> Assessment:
    work = Assessment(
        teaching_group_id=group_id, term_id=term_id, title=f"Test {number}", due_on=on, maximum=Decimal(50)
    )
    session.add(work)
    session.flush()
    return work


def _score(place: int, group: str, term: int, *, level: float, dice: random.Random) -> Decimal:
    share = min(1.0, max(0.52, dice.gauss(level, 0.03)))
    if place == 5 and group.startswith("Mathematics"):
        share = dice.uniform(0.3, 0.45)
    if place == 9 and group.startswith(("History", "Science")):
        share = (0.85, 0.6)[term] + dice.uniform(-0.03, 0.03)
    return Decimal(round(share * 50))


def incidents(session: AnySession, staffed: Staffed, days: list[date]) -> None:
    """A few incidents, two of them one student's, and two positive records, in every form; so many school days ago."""
    told = (
        (2, 2, 3, IncidentKind.CONCERN, "Disruption", "Threw paper through the lesson and would not stop."),
        (2, 7, 4, IncidentKind.CONCERN, "Fight", "Pushed another student on the stairs; nobody was hurt."),
        (10, 14, 2, IncidentKind.CONCERN, "Phone", "Used a phone during a test."),
        (7, 1, 1, IncidentKind.POSITIVE, "Kindness", "Showed a new student around all week."),
        (18, 4, 1, IncidentKind.POSITIVE, "Effort", "Finished the whole project early and helped others."),
    )
    teacher = staffed.accounts["teacher"]
    rows = [
        {
            "student_id": students[place].id,
            "kind": kind,
            "occurred_on": days[-1 - back],
            "category": category,
            "severity": severity,
            "description": text,
            "reported_by": teacher.id,
            "reported_by_name": teacher.name,
            "recorded_at": _at(days[-1 - back], 13, 5),
        }
        for students in staffed.students.values()
        for place, back, severity, kind, category, text in told
    ]
    session.execute(insert(Incident), rows, execution_options=AUDIT)
