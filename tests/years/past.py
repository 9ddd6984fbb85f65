"""A school year that is over, with registers and marks, and what is read of it: for tests that close it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.history import histories, noted_marks
from school_app.attendance.models import (
    ArchivedMark,
    ArchivedRegister,
    AttendanceMark,
    Register,
    RegisterState,
    Session,
)
from school_app.attendance.queries import attendance_facts_of
from school_app.attendance.roll import Group, Slot, roll_of
from school_app.core.tenancy import all_schools
from school_app.history.names import names_of
from school_app.schools.models import CalendarDay, DayType, Form, SchoolYear
from school_app.students.models import Enrolment
from school_app.summaries.counting import counted_days
from school_app.years.moving import YearRun
from tests.factories import World, added

TODAY = datetime.now(UTC).date()
STARTS, ENDS = TODAY - timedelta(700), TODAY - timedelta(400)
SCHOOL_DAYS = 6
LIVE: tuple[Any, ...] = (Register, AttendanceMark)
ARCHIVE: tuple[Any, ...] = (ArchivedRegister, ArchivedMark)


@dataclass(frozen=True)
class Past:
    """The year, its one form, and the days on which it had school."""

    year_id: int
    group: Group
    days: list[date]
    student_ids: list[int]

    def year(self, session: Any) -> SchoolYear:
        """The year as it stands."""
        found: SchoolYear = session.get_one(SchoolYear, self.year_id, populate_existing=True)
        return found


def past_year(session: Any, world: World, name: str = "Before") -> Past:
    """A year of six school days, the last of which nobody took, and the one before was taken back; four marks, one of
    them on a day without a register."""
    year = added(session, SchoolYear(name=name, starts_on=STARTS, ends_on=ENDS))
    form = added(session, Form(school_year_id=year.id, year_group_id=world.things["year_group"].id, name=f"8A {name}"))
    days = [STARTS + timedelta(10 + number) for number in range(SCHOOL_DAYS)]
    for on in days:
        session.add(CalendarDay(date=on, day_type=DayType.INSTRUCTIONAL))
    for student in world.students[:3]:
        session.add(Enrolment(student_id=student.id, form_id=form.id, starts_on=STARTS, ends_on=ENDS))
    session.flush()
    registers = [_register(session, world, form, on) for on in days[:-1]]
    registers[-1].state = RegisterState.NOT_TAKEN
    first, second = world.students[:2]
    _mark(session, world, first, registers[0].date, register_id=registers[0].id)
    _mark(session, world, first, registers[1].date, register_id=registers[1].id)
    late = {"minutes_late": 12, "reason": "Ängström’s bus \\ 🙂"}
    _mark(session, world, second, registers[1].date, AttendanceCategory.LATE, register_id=registers[1].id, **late)
    _mark(session, world, first, days[-1] + timedelta(3), AttendanceCategory.LATE)
    return Past(year.id, Group(form.id, form.name), days, [one.id for one in world.students])


def _register(session: Any, world: World, form: Form, on: date) -> Register:
    made: Register = added(
        session,
        Register(
            form_id=form.id,
            date=on,
            session=Session.DAY,
            state=RegisterState.TAKEN,
            taken_by=world.form_master.id,
            taken_by_name=world.form_master.name,
            taken_at=datetime.now(UTC),
        ),
    )
    return made


def _mark(
    session: Any,
    world: World,
    student: Any,
    on: date,
    category: AttendanceCategory = AttendanceCategory.ABSENT_UNEXCUSED,
    **values: Any,
) -> None:
    code = world.codes[category].id
    row = {"date": on, "session": Session.DAY, "code_id": code, "recorded_at": datetime.now(UTC), **values}
    added(session, AttendanceMark(student_id=student.id, **row))


def carried_out(session: Any, year_id: int, **options: Any) -> YearRun:
    """A whole run over a year, on the test's own session."""
    with all_schools(session):
        run = YearRun(session, year_id, started_by="a test", **{"batch": 3, **options})
        for _ in run.steps():
            session.flush()
    session.expire_all()
    return run


def stored(session: Any, *models: Any) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Every row of some tables by kind and id, whatever school it is of; a row that lies twice fails the test."""
    found: dict[tuple[str, int], tuple[Any, ...]] = {}
    with all_schools(session):
        for model in models:
            names = sorted(column.name for column in model.__table__.columns)
            kind = model.__tablename__.removesuffix("_archive")
            for row in session.execute(select(*(getattr(model, name) for name in names))):
                key = (kind, row.id)
                assert key not in found, f"{key} lies twice"
                found[key] = tuple(row)
    return found


def rows_in(session: Any, model: Any) -> int:
    """How many rows of the past year lie in a table."""
    return int(session.scalar(select(func.count()).select_from(model).where(model.date.between(STARTS, ENDS))))


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What differs of two tellings, by name: they are too long to be shown."""
    return [name for name in one if one[name] != other[name]]


def told(session: Any, past: Past) -> dict[str, Any]:
    """What pages, figures and rules say of the past year."""
    ids = past.student_ids
    things = sorted(stored(session, *LIVE, *ARCHIVE))
    return {
        "histories": histories(session, ids, first=STARTS, last=TODAY),
        "facts": attendance_facts_of(session, ids, as_of=past.days[-1], thresholds=Thresholds()),
        "noted": [noted_marks(session, id_, first=STARTS, last=TODAY) for id_ in ids],
        "rolls": [roll_of(session, past.group, Slot(on, Session.DAY)) for on in past.days],
        "days": counted_days(session, STARTS, TODAY),
        "names": {key: names_of(session, [key], "UTC").found for key in things},
    }
