"""Files of attendance for tests: their rows by days back from today, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState, Session, Source
from school_app.attendance.roll import Group, Slot, roll_of
from school_app.attendance.service import Entry, record_register
from school_app.core.acting import By
from school_app.rosters.attendance import import_attendance
from school_app.rosters.local import File, Known
from school_app.rosters.merge import Counts
from school_app.rosters.problems import ImportRefused, Problems
from school_app.schools.models import Form, SchoolYear
from school_app.students.models import Student
from tests.days import TODAY
from tests.factories import World, added

HEADER = "studentSourcedId,date,session,code,minutesLate,reason"
ABSENT, EXCUSED = AttendanceCategory.ABSENT_UNEXCUSED, AttendanceCategory.ABSENT_EXCUSED
LATE, PRESENT = AttendanceCategory.LATE, AttendanceCategory.PRESENT


def day(back: int) -> date:
    return TODAY - timedelta(back)


def row(student: Student, back: int, part: str = "DAY", code: str = "absent_excused", rest: str = ",") -> str:
    return f"{student.sourced_id},{day(back)},{part},{code},{rest}"


def file_of(tmp_path: Path, rows: Iterable[str]) -> File:
    path = tmp_path / "attendance.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return File(path, path.name, Problems())


def bring_in(
    session: Any, tmp_path: Path, *rows: str, known: Known | None = None, **how: Any
) -> tuple[Counts, list[str]]:
    """Bring a file in, and once more to see that nothing changes; the counts and the notes of the first time."""
    known = known or Known()
    file = file_of(tmp_path, rows)
    counts = import_attendance(session, file, known, **how)
    session.flush()
    again = import_attendance(session, file_of(tmp_path, rows), known, **how)
    assert again.differences == 0
    return counts, [str(one) for one in file.problems.warnings]


def refusal(session: Any, tmp_path: Path, *rows: str, known: Known | None = None, **how: Any) -> str:
    before = session.scalar(select(func.count()).select_from(Register))
    with pytest.raises(ImportRefused) as refused:
        import_attendance(session, file_of(tmp_path, rows), known or Known(), **how)
    assert session.scalar(select(func.count()).select_from(Register)) == before
    return str(refused.value)


def marks(session: Any, student: Student, back: int) -> list[tuple[str, Session, Source]]:
    """The marks of a student on a day, in registers of forms or none: code, part and source."""
    session.expire_all()
    found = session.execute(
        select(AttendanceCode.code, AttendanceMark.session, AttendanceMark.source)
        .join(AttendanceCode, AttendanceCode.id == AttendanceMark.code_id)
        .join(Register, Register.id == AttendanceMark.register_id, isouter=True)
        .where(
            AttendanceMark.student_id == student.id,
            AttendanceMark.date == day(back),
            Register.teaching_group_id.is_(None),
        )
        .order_by(AttendanceMark.id)
    )
    return [tuple(one) for one in found]


def imported(code: str, part: Session = Session.DAY) -> tuple[str, Session, Source]:
    return code, part, Source.IMPORT


def registers(session: Any, form: Form) -> dict[date, RegisterState]:
    found = session.execute(select(Register.date, Register.state).where(Register.form_id == form.id))
    return {on: state for on, state in found}


def take(session: Any, world: World, back: int, **codes: AttendanceCategory) -> Register:
    """The first form's register of a day taken by its master; `first`, `second` and `third` say who is not present."""
    group, slot = Group(world.form.id, world.form.name), Slot(day(back), Session.DAY)
    roll = roll_of(session, group, slot)
    names = {one.id: name for one, name in zip(world.students[:3], ("first", "second", "third"), strict=True)}
    entries = [Entry(one.id, codes.get(names.get(one.id, ""), PRESENT).value) for one in roll.students]
    by = By(world.form_master.id, world.form_master.name)
    return record_register(session, group, slot=slot, entries=entries, seen=roll.seen, by=by, today=TODAY)


def year_before(session: Any, world: World) -> SchoolYear:
    """A school year that ended ten days before the present one began."""
    ends_on = world.things["year"].starts_on - timedelta(10)
    year: SchoolYear = added(
        session, SchoolYear(name="The year before", starts_on=ends_on - timedelta(300), ends_on=ends_on)
    )
    return year
